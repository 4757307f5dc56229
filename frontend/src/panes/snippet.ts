import type { Mark } from '../api.gen';

/** Part is a stretch of a snippet as it is shown. */
export interface Part {
  text: string;
  hit: boolean;
  code: boolean;
}

/** snippet cuts the Markdown of a message where hits and code begin and end; the signs of Markdown itself are left out. */
export function snippet(text: string, marks: Mark[]): Part[] {
  const hits = new Set<number>();
  for (const m of marks) for (let i = m.from; i < m.to && i < text.length; i++) hits.add(i);
  const out: Part[] = [];
  let code = false;
  const push = (ch: string, hit: boolean) => {
    const last = out[out.length - 1];
    if (last && last.hit === hit && last.code === code) last.text += ch;
    else out.push({ text: ch, hit, code });
  };
  for (let i = 0; i < text.length; ) {
    const sign = /^(?:`{3}[\w-]*\n?|`|\*\*|~~)/.exec(text.slice(i, i + 24));
    if (sign && (!code || sign[0].startsWith('`'))) {
      if (sign[0].startsWith('`')) code = !code;
      i += sign[0].length;
      continue;
    }
    push(text[i] === '\n' ? ' ' : text[i]!, hits.has(i));
    i++;
  }
  return out;
}
