import type { Message } from '../api.gen';
import { keyOf } from './window';

/** Item is a row with what follows from its neighbours. It is derived on every change, since a late row changes its neighbour too. */
export interface Item {
  key: string;
  row: Message;
  /** head is true where author and time are shown. */
  head: boolean;
  /** day is set on the first row of a day. */
  day: string | undefined;
  /** fresh is true on the row under "New since". */
  fresh: boolean;
  /** last is true on the newest own message that is on several devices: it alone says so unasked. */
  last: boolean;
}

const together = 5 * 60_000;

function dayOf(time: string): string {
  const d = new Date(time);
  return `${d.getFullYear()}-${d.getMonth() + 1}-${d.getDate()}`;
}

/** derive answers the items of rows. fresh is the id under the "New since" line; top says that rows begin the conversation. */
export function derive(rows: Message[], fresh: string | undefined, days: boolean): Item[] {
  let lastMine = -1;
  for (let i = rows.length - 1; i >= 0 && lastMine < 0; i--) {
    const m = rows[i]!;
    if (m.mine && m.kind === 'message' && !m.deleted && ((m.on ?? 0) > 1 || m.on === m.of || m.seen_by)) lastMine = i;
  }
  return rows.map((row, i) => {
    const before = rows[i - 1];
    const newDay = days && (!before || dayOf(before.time) !== dayOf(row.time));
    const isFresh = row.id === fresh;
    return {
      key: keyOf(row),
      row,
      head: newDay || isFresh || !before || !follows(before, row),
      day: newDay ? row.time : undefined,
      fresh: isFresh,
      last: i === lastMine,
    };
  });
}

function follows(before: Message, row: Message): boolean {
  return (
    before.kind === 'message' && row.kind === 'message' &&
    before.author === row.author && before.author_id === row.author_id &&
    before.source === row.source && !row.late && !before.late &&
    Math.abs(Date.parse(row.time) - Date.parse(before.time)) < together
  );
}
