/** Piece is a stretch of code with the name of its colour. */
export interface Piece {
  text: string;
  tone: '' | 'bad' | 'faint' | 'name';
}

const frame = /^(\s*at\s+(?:[\w$/]+\.)*)([\w$]+\.[\w$<>]+)\(([^)]*)\)(.*)$/;
const thrown = /^(?:Caused by: |Exception in thread .*|)((?:[\w$]+\.)*[A-Z][\w$]*(?:Error|Exception)\b.*)$/;

/** trace colours a stack trace: the error, the places. It answers undefined for any other text. */
export function trace(text: string): Piece[][] | undefined {
  const lines = text.split('\n');
  if (!lines.some((l) => thrown.test(l))) return undefined;
  return lines.map((line) => {
    if (thrown.test(line)) return [{ text: line, tone: 'bad' }];
    const m = frame.exec(line);
    if (!m) return [{ text: line, tone: '' }];
    const std = /\b(java|javax|jdk|kotlin|node:|sun)\b/.test(m[1]!);
    return [
      { text: m[1]!, tone: '' },
      { text: m[2]!, tone: std ? '' : 'name' },
      { text: '(', tone: '' },
      { text: m[3]!, tone: 'faint' },
      { text: ')' + m[4]!, tone: '' },
    ];
  });
}
