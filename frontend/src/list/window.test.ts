import { describe, expect, it } from 'vitest';
import type { Message } from '../api.gen';
import { append, evict, keyOf, MAX, place, prepend, put, take, type Rows } from './window';

const row = (n: number, more: Partial<Message> = {}): Message => ({
  id: `m${n}`, kind: 'message', channel: 'c', channel_name: 'c', order: String(n).padStart(8, '0'), author: 'Ada', author_id: 'ada', mine: false, time: '2026-11-19T12:00:00Z',
  text: String(n), edited: false, deleted: false, pinned: false, replies: 0, reactions: [], files: [], state: 'delivered', late: false, ...more,
});
const rows = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => row(from + i));
const win = (from: number, to: number, older = true, newer = true): Rows => ({ rows: rows(from, to), older, newer });
const ids = (w: Rows) => w.rows.map((m) => m.id);

describe('paging', () => {
  it('puts an older page before and lets go of the newest', () => {
    const w = prepend(win(100, 100 + MAX, true, false), rows(40, 100), true);
    expect(w.rows.length).toBe(MAX);
    expect(w.rows[0]!.id).toBe('m40');
    expect(w).toMatchObject({ older: true, newer: true });
  });
  it('puts a newer page behind and lets go of the oldest', () => {
    const w = append(win(0, MAX, false, true), rows(MAX, MAX + 60), false);
    expect(ids(w)).toEqual(ids(win(60, MAX + 60)));
    expect(w).toMatchObject({ older: true, newer: false });
  });
  it('shows a row once when pages overlap', () => {
    expect(ids(prepend(win(10, 20), rows(5, 12), true))).toEqual(ids(win(5, 20)));
  });
  it('never lets go of the focused row', () => {
    const w = evict(win(0, MAX + 60), 'older', 'm20');
    expect(w.rows[0]!.id).toBe('m20');
    const v = evict(win(0, MAX + 60), 'newer', `m${MAX + 50}`);
    expect(v.rows[v.rows.length - 1]!.id).toBe(`m${MAX + 50}`);
  });
});

describe('a row arrives', () => {
  it('late, into its place', () => {
    const w = win(0, 10, false, false);
    w.rows.splice(4, 1);
    const { rows: next, did } = put(w, row(4, { late: true }), false);
    expect(did).toBe('added');
    expect(ids(next)).toEqual(ids(win(0, 10)));
  });
  it('beyond a window that goes on: paging will bring it', () => {
    expect(put(win(10, 20), row(25), false).did).toBe('below');
    expect(put(win(10, 20), row(5), false).did).toBe('above');
  });
  it('before everything, where nothing is older', () => {
    expect(ids(put(win(10, 12, false, false), row(5), false).rows)).toEqual(['m5', 'm10', 'm11']);
  });
  it('does not push what is read out of a full window', () => {
    const full = win(0, MAX, true, false);
    const away = put(full, row(MAX), false);
    expect(away.did).toBe('below');
    expect(away.rows.newer).toBe(true);
    expect(put(full, row(MAX), true).rows.rows.length).toBe(MAX);
  });
  it('changes in place and keeps its key', () => {
    const sent = row(3, { id: 'local-x', nonce: 'x', order: '\uffff1' });
    const w = { ...win(0, 3, false, false), rows: [...rows(0, 3), sent] };
    const { rows: next, did } = put(w, row(3, { nonce: 'x' }), true);
    expect(did).toBe('changed');
    expect(next.rows.map(keyOf)).toEqual(['m0', 'm1', 'm2', 'x']);
    const later = put(next, row(3, { state: 'sent' }), true).rows;
    expect(keyOf(later.rows[3]!)).toBe('x');
    expect(later.rows[3]!.state).toBe('sent');
  });
  it('is one row when the event was quicker than the answer', () => {
    const local = row(9, { id: 'local-x', nonce: 'x', order: '\uffff1' });
    const event = put({ ...win(0, 3, false, false), rows: [...rows(0, 3), local] }, row(3), true).rows;
    expect(event.rows.length).toBe(5);
    const answered = put(event, row(3, { nonce: 'x' }), true).rows;
    expect(ids(answered)).toEqual(['m0', 'm1', 'm2', 'm3']);
  });
  it('goes when it is gone', () => {
    expect(ids(take(win(0, 3), 'm1'))).toEqual(['m0', 'm2']);
  });
});

it('finds a place by order', () => {
  expect(place(rows(0, 5), row(3))).toBe(3);
  expect(place([], row(3))).toBe(0);
});
