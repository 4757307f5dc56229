import type { Message } from '../api.gen';

/** PAGE rows are asked for at once, MAX are ever in the document. */
export const PAGE = 60;
export const MAX = 240;

/** Rows is the window of a conversation that is in the document, oldest first. */
export interface Rows {
  rows: Message[];
  /** older and newer say that the conversation goes on beyond the window. */
  older: boolean;
  newer: boolean;
}

/** keyOf is what a row is called for as long as it is shown: its nonce from before it had an id. */
export function keyOf(m: Message): string {
  return m.nonce || m.id;
}

function same(a: Message, b: Message): boolean {
  return a.id === b.id || (!!a.nonce && a.nonce === b.nonce);
}

/** place answers where m belongs among rows, by order. */
export function place(rows: Message[], m: Message): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (rows[mid]!.order < m.order) low = mid + 1;
    else high = mid;
  }
  return low;
}

/** evict cuts w down to MAX rows at one end, but never the row called keep. */
export function evict(w: Rows, end: 'older' | 'newer', keep?: string): Rows {
  let over = w.rows.length - MAX;
  if (over <= 0) return w;
  const kept = keep ? w.rows.findIndex((m) => keyOf(m) === keep) : -1;
  if (end === 'older') {
    if (kept >= 0) over = Math.min(over, kept);
    return over > 0 ? { ...w, rows: w.rows.slice(over), older: true } : w;
  }
  if (kept >= 0) over = Math.min(over, w.rows.length - 1 - kept);
  return over > 0 ? { ...w, rows: w.rows.slice(0, w.rows.length - over), newer: true } : w;
}

/** prepend puts an older page before the window and evicts at the far end. */
export function prepend(w: Rows, page: Message[], older: boolean, keep?: string): Rows {
  const known = new Set(w.rows.map((m) => m.id));
  const fresh = page.filter((m) => !known.has(m.id));
  return evict({ ...w, rows: [...fresh, ...w.rows], older }, 'newer', keep);
}

/** append puts a newer page behind the window and evicts at the far end. */
export function append(w: Rows, page: Message[], newer: boolean, keep?: string): Rows {
  const known = new Set(w.rows.map((m) => m.id));
  const fresh = page.filter((m) => !known.has(m.id));
  return evict({ ...w, rows: [...w.rows, ...fresh], newer }, 'older', keep);
}

/** Put says what put did: a row was changed in place, added in the window, or lies beyond it. */
export type Put = 'changed' | 'added' | 'above' | 'below';

/**
 * put takes one row that is new or has changed. A row outside the window is not
 * added where the conversation goes on beyond that end: paging brings it.
 * stuck says that the view is at the bottom, so that the top may be evicted.
 */
export function put(w: Rows, m: Message, stuck: boolean, keep?: string): { rows: Rows; did: Put } {
  const at = w.rows.findIndex((r) => same(r, m));
  if (at >= 0) {
    const old = w.rows[at]!;
    const next = m.nonce || !old.nonce ? m : { ...m, nonce: old.nonce };
    // The row that was shown before the node answered may stand beside the one that an event brought.
    const rows = w.rows.filter((r, i) => i === at || !same(r, next));
    const now = rows.indexOf(old);
    if (old.order === m.order) rows[now] = next;
    else {
      rows.splice(now, 1);
      rows.splice(place(rows, m), 0, next);
    }
    return { rows: { ...w, rows }, did: 'changed' };
  }
  const i = place(w.rows, m);
  if (i === w.rows.length && w.newer) return { rows: w, did: 'below' };
  if (i === 0 && w.older && w.rows.length > 0) return { rows: w, did: 'above' };
  if (i === w.rows.length && !stuck && w.rows.length >= MAX) return { rows: { ...w, newer: true }, did: 'below' };
  const rows = w.rows.slice();
  rows.splice(i, 0, m);
  return { rows: evict({ ...w, rows }, 'older', keep), did: 'added' };
}

/** take removes a row that is gone for good. */
export function take(w: Rows, id: string): Rows {
  return { ...w, rows: w.rows.filter((m) => m.id !== id) };
}
