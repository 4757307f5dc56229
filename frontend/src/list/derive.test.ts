import { expect, it } from 'vitest';
import type { Message } from '../api.gen';
import { derive } from './derive';
import { wordsOf } from './states';

let n = 0;
const row = (author: string, time: string, more: Partial<Message> = {}): Message => ({
  id: `m${++n}`, kind: 'message', channel: 'c', channel_name: 'c', order: time, author, author_id: author, mine: author === 'Farah', time, text: '', edited: false, deleted: false,
  pinned: false, replies: 0, reactions: [], files: [], state: 'sent', late: false, ...more,
});
const heads = (rows: Message[]) => derive(rows, undefined, true).map((i) => i.head);

it('shows a name once for what one person says in a row', () => {
  expect(heads([row('Ada', '2026-11-19T12:00:00Z'), row('Ada', '2026-11-19T12:01:00Z'), row('Bram', '2026-11-19T12:02:00Z'), row('Ada', '2026-11-19T12:30:00Z'), row('Ada', '2026-11-19T12:36:00Z')])).toEqual([true, false, true, true, true]);
});
it('names the neighbour of a late message again', () => {
  expect(heads([row('Ada', '2026-11-19T12:00:00Z'), row('Ada', '2026-11-19T12:01:00Z', { late: true }), row('Ada', '2026-11-19T12:02:00Z')])).toEqual([true, true, true]);
});
it('draws a line at each day and names the author below it', () => {
  const items = derive([row('Ada', '2026-11-17T12:00:00Z'), row('Ada', '2026-11-18T12:00:00Z')], undefined, true);
  expect(items.map((i) => !!i.day)).toEqual([true, true]);
});
it('puts the new line on the first unread', () => {
  const rows = [row('Ada', '2026-11-19T12:00:00Z'), row('Ada', '2026-11-19T12:00:10Z')];
  expect(derive(rows, rows[1]!.id, true).map((i) => [i.fresh, i.head])).toEqual([[false, true], [true, true]]);
});

it('says how far an own message is', () => {
  const say = (more: Partial<Message>, people = 5) => wordsOf(row('Farah', '2026-11-19T12:00:00Z', more), people)?.text;
  expect(say({ state: 'waiting', of: 5 })).toBe('Waiting to send');
  expect(say({ state: 'sent', on: 1, of: 5 })).toBe('Sent');
  expect(say({ state: 'sent', on: 3, of: 5 })).toBe('On 3 of 5 devices');
  expect(say({ state: 'delivered', on: 1, of: 1 })).toBe('On 1 of 1 devices');
  expect(say({ state: 'delivered', on: 5, of: 5, seen_by: 2 })).toBe('Seen by 2');
  expect(say({ state: 'failed' })).toBe('Not sent');
  expect(say({ state: 'waiting' }, 0)).toBeUndefined();
  expect(wordsOf(row('Ada', '2026-11-19T12:00:00Z'), 5)).toBeUndefined();
});
