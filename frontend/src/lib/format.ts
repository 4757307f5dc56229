// Times, sizes and numbers for people, in the language of the page.

const formats = new Map<string, Intl.DateTimeFormat>();
// The lists and the clock are of the person's place, the words are of our dictionary.
const place = typeof navigator === 'undefined' ? 'en-GB' : navigator.language.startsWith('en-US') ? 'en-US' : 'en-GB';

function date(key: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  let f = formats.get(key);
  if (!f) formats.set(key, (f = new Intl.DateTimeFormat(place, options)));
  return f;
}

const dayMS = 86_400_000;

/** days answers how many calendar days lie between then and now. */
export function days(then: Date, now: Date): number {
  const a = new Date(then.getFullYear(), then.getMonth(), then.getDate()).getTime();
  const b = new Date(now.getFullYear(), now.getMonth(), now.getDate()).getTime();
  return Math.round((b - a) / dayMS);
}

/** clock is the time of day: 14:02. */
export function clock(iso: string): string {
  return date('clock', { hour: '2-digit', minute: '2-digit' }).format(new Date(iso));
}

/** full is for titles: Thursday 19 November 2026 at 14:02:10. */
export function full(iso: string): string {
  return date('full', { dateStyle: 'full', timeStyle: 'medium' }).format(new Date(iso));
}

/** dayLine is the line between two days: Today, Thursday 19 November. */
export function dayLine(iso: string, today: string, yesterday: string, now = new Date()): string {
  const d = new Date(iso);
  const far = d.getFullYear() !== now.getFullYear();
  const text = date(far ? 'day-year' : 'day', { weekday: 'long', day: 'numeric', month: 'long', ...(far ? { year: 'numeric' } : {}) }).format(d);
  const ago = days(d, now);
  return ago === 0 ? `${today}, ${text}` : ago === 1 ? `${yesterday}, ${text}` : text;
}

/** moment is a time as short as can be: 14:02 today, Tuesday in the week before, else 8 Mar 2023. A day to come has its date. */
export function moment(iso: string, yesterday: string, now = new Date(), withClock = false): string {
  const d = new Date(iso);
  const ago = days(d, now);
  if (ago === 0) return clock(iso);
  const at = withClock ? ` ${clock(iso)}` : '';
  if (ago === 1) return yesterday + at;
  if (ago > 0 && ago < 7) return date('weekday', { weekday: 'long' }).format(d) + at;
  const far = d.getFullYear() !== now.getFullYear();
  const day = date(far ? 'short-year' : 'short', { day: 'numeric', month: 'short', ...(far ? { year: 'numeric' } : {}) }).format(d);
  return withClock ? `${day}, ${clock(iso)}` : day;
}

/** longDay is 19 November 2026. */
export function longDay(iso: string): string {
  return date('long', { day: 'numeric', month: 'long', year: 'numeric' }).format(new Date(iso));
}

const numbers = new Intl.NumberFormat(place);

/** count is 18,400. */
export function count(n: number): string {
  return numbers.format(n);
}

/** bytes is 2.1 MB. */
export function bytes(n: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let i = 0;
  while (n >= 1000 && i < units.length - 1) {
    n /= 1000;
    i++;
  }
  return `${i === 0 || n >= 100 ? Math.round(n) : Math.round(n * 10) / 10} ${units[i]}`;
}

/** initials are one or two letters of a name. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const first = [...(words[0] ?? '?')][0] ?? '?';
  const last = words.length > 1 ? [...words[words.length - 1]!][0] : '';
  return (first + last).toUpperCase();
}

/** hue gives a person always the same colour; 270-340 are left out, they look like alarms. */
export function hue(id: string): number {
  let h = 2166136261;
  for (let i = 0; i < id.length; i++) h = Math.imul(h ^ id.charCodeAt(i), 16777619);
  const n = (h >>> 0) % 290;
  return n < 270 ? n : n + 70;
}

/** firstName is what people call each other. */
export function firstName(name: string): string {
  return name.trim().split(/\s+/)[0] ?? name;
}
