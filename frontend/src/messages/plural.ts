const rules = new Intl.PluralRules('en');
const number = new Intl.NumberFormat('en');

/** n answers "1 message" or "1,200 messages". */
export function n(count: number, one: string, other: string): string {
  return `${number.format(count)} ${rules.select(count) === 'one' ? one : other}`;
}

/** list answers "Ada, Bram and Chiyo". */
export function list(names: string[]): string {
  if (names.length < 2) return names[0] ?? '';
  return `${names.slice(0, -1).join(', ')} and ${names[names.length - 1]}`;
}
