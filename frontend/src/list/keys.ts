import type { Message } from '../api.gen';
import { desk } from '../state/desk.svelte';
import { paneOf } from './open.svelte';

/** Around is what a list gives its keys to work with. */
export interface Around {
  list: HTMLElement;
  single: boolean;
  message: Message | undefined;
  inThread: boolean;
  out: () => void;
  bottom: () => void;
  edit: (id: string) => void;
  reply: () => void;
  clear: () => void;
}

/** rowKeys is the keyboard of a message list: rows by arrows, into a row by Enter, single letters on a row. */
export function rowKeys(e: KeyboardEvent, row: HTMLElement, a: Around): void {
  if (e.isComposing || (e.target as HTMLElement).matches('textarea, input')) return;
  const inside = e.target !== row;
  if (inside) {
    within(e, row);
    return;
  }
  if (walk(e, row, a) || e.ctrlKey || e.metaKey || e.altKey || !a.single) return;
  if (letter(e, row, a)) e.preventDefault();
}

function walk(e: KeyboardEvent, row: HTMLElement, a: Around): boolean {
  const all = [...a.list.querySelectorAll<HTMLElement>('article')];
  const at = all.indexOf(row);
  let to: HTMLElement | undefined;
  if (e.ctrlKey && e.key === 'End') {
    e.preventDefault();
    a.out();
    return true;
  }
  if (e.ctrlKey && e.key === 'Home') {
    e.preventDefault();
    document.querySelector<HTMLElement>('[data-region="header"] button')?.focus();
    return true;
  }
  if (e.ctrlKey || e.metaKey || e.altKey) return false;
  switch (e.key) {
    case 'ArrowUp':
    case 'PageUp':
      to = all[at - 1];
      break;
    case 'ArrowDown':
    case 'PageDown':
      to = all[at + 1];
      if (!to) a.out();
      break;
    case 'Home':
      to = all[0];
      break;
    case 'End':
      a.bottom();
      to = all[all.length - 1];
      break;
    case 'Enter':
      row.querySelector<HTMLElement>('[role="group"] button, button, a')?.focus();
      break;
    case 'Escape':
      a.clear();
      a.out();
      break;
    default:
      return false;
  }
  e.preventDefault();
  if (to) show(to);
  return true;
}

function show(row: HTMLElement): void {
  row.focus({ preventScroll: true });
  row.scrollIntoView({ block: 'nearest' });
}

function letter(e: KeyboardEvent, row: HTMLElement, a: Around): boolean {
  const m = a.message;
  const rows = [...a.list.querySelectorAll<HTMLElement>('article')];
  const at = rows.indexOf(row);
  if (e.key === 'j' && rows[at + 1]) show(rows[at + 1]!);
  else if (e.key === 'k' && rows[at - 1]) show(rows[at - 1]!);
  else if (e.key === '?') desk.layer = { layer: 'keys' };
  else if (!m || m.kind !== 'message' || m.deleted) return false;
  else if (e.key === 'r' && a.inThread) a.reply();
  else if ((e.key === 'r' || e.key === 't') && !a.inThread) desk.openThread(m.thread ?? m.id, m.channel);
  else if (e.key === 'e' && m.mine) a.edit(m.id);
  else if (e.key === '+') paneOf.emoji(m.id, row, (x) => void desk.react(m, x));
  else if (e.key === 'm' && !a.inThread) void desk.markUnread(m);
  else return false;
  return true;
}

function within(e: KeyboardEvent, row: HTMLElement): void {
  if (e.key === 'Escape') {
    e.preventDefault();
    e.stopPropagation();
    row.focus({ preventScroll: true });
    return;
  }
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[e.key];
  if (!step) return;
  const all = [...row.querySelectorAll<HTMLElement>('button:not(:disabled), a')];
  const at = all.indexOf(e.target as HTMLElement);
  e.preventDefault();
  all[(at + step + all.length) % all.length]?.focus();
}
