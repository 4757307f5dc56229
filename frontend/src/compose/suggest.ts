import type { Channel, Member } from '../api.gen';
import { fuzzy } from '../lib/fuzzy';
import type { Trigger } from './completions';
import { emojis, findEmoji } from './emoji';

/** Suggestion is one line of the list over the composer. */
export interface Suggestion {
  key: string;
  /** insert is what takes the place of what was typed. */
  insert: string;
  label: string;
  more: string;
  member?: string;
  char?: string;
}

const most = 8;

/** suggest answers what fits the trigger, the best first. */
export async function suggest(t: Trigger, members: Member[], channels: Channel[], everyone: string): Promise<Suggestion[]> {
  if (t.sign === ':') {
    return findEmoji(await emojis(), t.query, most).map((e) => ({ key: e.char, insert: e.char, label: `:${e.codes[0] ?? e.name}:`, more: e.name, char: e.char }));
  }
  if (t.sign === '#') {
    return rank(channels.filter((c) => c.kind !== 'direct' && !c.archived), (c) => c.name, t.query)
      .map((c) => ({ key: c.id, insert: `#${c.name}`, label: `#${c.name}`, more: c.topic ?? '' }));
  }
  const people = rank(members.filter((m) => !m.you), (m) => m.name, t.query)
    .map((m): Suggestion => ({ key: m.id, insert: `@${m.name}`, label: m.name, more: m.title ?? m.team ?? '', member: m.id }));
  if (t.query && 'channel'.startsWith(t.query.toLowerCase())) people.push({ key: '@channel', insert: '@channel', label: '@channel', more: everyone });
  return people.slice(0, most);
}

function rank<T>(all: T[], name: (x: T) => string, query: string): T[] {
  return all
    .map((x) => ({ x, m: fuzzy(query, name(x)) }))
    .filter((r) => r.m)
    .sort((a, b) => b.m!.score - a.m!.score || name(a.x).localeCompare(name(b.x)))
    .slice(0, most)
    .map((r) => r.x);
}
