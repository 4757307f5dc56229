/** Match is how well a text fits, and which of its UTF-16 units were matched. */
export interface Match {
  score: number;
  at: number[];
}

/** fold strips case and accents, unit by unit, so that positions stay what they were. */
export function fold(text: string): string {
  let out = '';
  for (const ch of text) {
    const plain = ch.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
    out += plain.length === ch.length ? plain : ch.toLowerCase().length === ch.length ? ch.toLowerCase() : ch;
  }
  return out;
}

/** fuzzy answers undefined where the letters of query do not occur in text in order. A run at the start of a word is best. */
export function fuzzy(query: string, text: string): Match | undefined {
  const q = fold(query.trim());
  const t = fold(text);
  if (q === '') return { score: 0, at: [] };
  const whole = t.indexOf(q);
  if (whole >= 0) {
    const start = whole === 0 || /[^\p{L}\p{N}]/u.test(t[whole - 1]!);
    return { score: (whole === 0 ? 300 : start ? 200 : 100) - text.length * 0.1 - whole * 0.5, at: range(whole, q.length) };
  }
  const at: number[] = [];
  let from = 0;
  let score = 50;
  for (const ch of q) {
    if (ch === ' ') continue;
    const i = t.indexOf(ch, from);
    if (i < 0) return undefined;
    if (at.length > 0 && i !== at[at.length - 1]! + 1) score -= 4;
    at.push(i);
    from = i + 1;
  }
  return { score: score - text.length * 0.1, at };
}

function range(from: number, length: number): number[] {
  return Array.from({ length }, (_, i) => from + i);
}

/** pieces cuts text where matching begins and ends. */
export function pieces(text: string, at: number[]): { text: string; hit: boolean }[] {
  const hits = new Set(at);
  const out: { text: string; hit: boolean }[] = [];
  for (let i = 0; i < text.length; i++) {
    const hit = hits.has(i);
    const last = out[out.length - 1];
    if (last && last.hit === hit) last.text += text[i];
    else out.push({ text: text[i]!, hit });
  }
  return out;
}
