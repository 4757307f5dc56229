import { describe, expect, it } from 'vitest';
import { bytes, dayLine, days, hue, initials, moment } from './format';
import { fuzzy, pieces } from './fuzzy';
import { parse } from './transport';
import { filterOf, setFilter } from '../panes/query';
import { snippet } from '../panes/snippet';

describe('finding', () => {
  const best = (q: string, names: string[]) => names.map((n) => ({ n, m: fuzzy(q, n) })).filter((x) => x.m).sort((a, b) => b.m!.score - a.m!.score).map((x) => x.n);
  it('starts of words first, then runs, then letters in order', () => {
    expect(best('re', ['Andrea', 'research', 'pre release', 'rxe'])).toEqual(['research', 'pre release', 'Andrea', 'rxe']);
    expect(best('zz', ['research'])).toEqual([]);
  });
  it('without regard to accents and case', () => {
    expect(fuzzy('sorensen', 'Emil Sörensen')).toBeTruthy();
  });
  it('shows what matched', () => {
    expect(pieces('press', fuzzy('re', 'press')!.at)).toEqual([{ text: 'p', hit: false }, { text: 're', hit: true }, { text: 'ss', hit: false }]);
  });
});

describe('times', () => {
  const now = new Date(2026, 10, 19, 14, 12);
  it('as short as can be', () => {
    expect(moment(new Date(2026, 10, 19, 9, 5).toISOString(), 'yesterday', now)).toBe('09:05');
    expect(moment(new Date(2026, 10, 18, 17, 30).toISOString(), 'yesterday', now, true)).toBe('yesterday 17:30');
    expect(moment(new Date(2026, 10, 17, 9, 5).toISOString(), 'yesterday', now)).toBe('Tuesday');
    expect(moment(new Date(2026, 10, 26, 9, 5).toISOString(), 'yesterday', now, true)).toBe('26 Nov, 09:05');
    expect(moment(new Date(2023, 2, 8, 10, 15).toISOString(), 'yesterday', now)).toBe('8 Mar 2023');
  });
  it('by calendar days, not by hours', () => {
    expect(days(new Date(2026, 10, 18, 23, 59), new Date(2026, 10, 19, 0, 1))).toBe(1);
    expect(dayLine(new Date(2026, 10, 19, 1).toISOString(), 'Today', 'Yesterday', now)).toBe('Today, Thursday 19 November');
  });
});

it('names people', () => {
  expect(initials('Emil Sørensen')).toBe('ES');
  expect(initials('陳')).toBe('陳');
  expect(initials('')).toBe('?');
  for (const id of ['a', 'ada', 'x9', 'é', 'zzzz']) expect(hue(id) >= 0 && (hue(id) < 270 || hue(id) >= 340)).toBe(true);
});

it('sizes', () => {
  expect([0, 999, 1200, 2_100_000].map(bytes)).toEqual(['0 B', '999 B', '1.2 KB', '2.1 MB']);
});

it('reads a list that Go wrote as null', () => {
  expect(parse('{"rows":null,"skipped":null,"n":0}')).toEqual({ rows: [], skipped: {}, n: 0 });
});

it('sets and reads filters of a search', () => {
  expect(setFilter('timer', 'in', '#java')).toBe('in:#java timer ');
  expect(setFilter('in:#java timer', 'in', '')).toBe('timer');
  expect(setFilter('from:"Ada Njoku" timer', 'from', 'Bram')).toBe('from:Bram timer ');
  expect(filterOf('timer from:"Ada Njoku"', 'from')).toBe('Ada Njoku');
  expect(filterOf('timerin:x', 'in')).toBe('');
});

it('shows a hit inside code without the signs of Markdown', () => {
  const text = 'see `Timer x` now';
  expect(snippet(text, [{ from: 5, to: 10 }])).toEqual([
    { text: 'see ', hit: false, code: false }, { text: 'Timer', hit: true, code: true }, { text: ' x', hit: false, code: true }, { text: ' now', hit: false, code: false },
  ]);
});
