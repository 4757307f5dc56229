/** Trigger is an unfinished word that starts with @, # or :, right before the caret. */
export interface Trigger {
  sign: '@' | '#' | ':';
  query: string;
  from: number;
  to: number;
}

/** trigger finds what may be completed at the caret; undefined inside code. */
export function trigger(text: string, caret: number): Trigger | undefined {
  const before = text.slice(0, caret);
  if (inFence(before) || inCode(before)) return undefined;
  const m = /(?:^|[\s([{"'])([@#:])([\p{L}\p{N}_+-]*)$/u.exec(before) ?? /(?:^|[\s([{"'])(@)(\p{Lu}[\p{L}'’-]* \p{L}*)$/u.exec(before);
  if (!m) return undefined;
  const sign = m[1] as Trigger['sign'];
  const query = m[2]!;
  // A colon alone is punctuation; an emoji's name has two letters at least.
  if (sign === ':' && query.length < 2) return undefined;
  return { sign, query, from: caret - query.length - 1, to: caret };
}

/** inFence says that the caret stands inside an open ``` fence. */
export function inFence(before: string): boolean {
  let open = '';
  for (const line of before.split('\n')) {
    const m = /^ {0,3}(`{3,}|~{3,})(.*)$/.exec(line);
    if (!m) continue;
    if (open === '') open = m[1]!;
    else if (m[1]![0] === open[0] && m[1]!.length >= open.length && m[2]!.trim() === '') open = '';
  }
  return open !== '';
}

function inCode(before: string): boolean {
  const line = before.slice(before.lastIndexOf('\n') + 1);
  return (line.match(/`/g) ?? []).length % 2 === 1;
}

/** complete puts chosen in the place of the trigger, with a space behind, and answers where the caret goes. */
export function complete(text: string, t: Trigger, chosen: string): { text: string; caret: number } {
  const rest = text.slice(t.to);
  const gap = /^\s/.test(rest) ? '' : ' ';
  return { text: text.slice(0, t.from) + chosen + gap + rest, caret: t.from + chosen.length + 1 };
}

/** sends says whether Enter sends: not with Shift, not while an input method composes, not inside a fence. */
export function sends(e: { key: string; shiftKey: boolean; ctrlKey: boolean; metaKey: boolean; altKey: boolean; isComposing: boolean; keyCode: number }, before: string): boolean {
  if (e.key !== 'Enter' || e.shiftKey || e.altKey || e.isComposing || e.keyCode === 229) return false;
  if (e.ctrlKey || e.metaKey) return true;
  return !inFence(before);
}
