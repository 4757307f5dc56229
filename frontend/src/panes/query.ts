/** Filter is a word of the search syntax that a chip sets too. */
export type Filter = 'from' | 'in' | 'has' | 'before';

const find = (f: Filter) => new RegExp(`(^|\\s)${f}:("[^"]*"|\\S+)`, 'i');

/** filterOf answers what a query says for a filter, without quotes. */
export function filterOf(query: string, f: Filter): string {
  return (find(f).exec(query)?.[2] ?? '').replaceAll('"', '');
}

/** setFilter answers the query with a filter set, or without it for ''. */
export function setFilter(query: string, f: Filter, value: string): string {
  const without = query.replace(find(f), '$1').replace(/\s+/g, ' ').trim();
  return value ? `${f}:${value} ${without}`.trim() + ' ' : without;
}
