import { desk } from './state/desk.svelte';
import { office } from './state/office.svelte';

/** windowKeys is the keyboard of the whole window (behaviours 32 and 34). */
export function windowKeys(e: KeyboardEvent): void {
  if (e.isComposing || e.defaultPrevented) return;
  if (run(e)) e.preventDefault();
}

function run(e: KeyboardEvent): boolean {
  const mod = e.ctrlKey || e.metaKey;
  const key = e.key.toLowerCase();
  if (mod && !e.altKey && key === 'k') {
    desk.layer = desk.layer?.layer === 'switcher' ? undefined : { layer: 'switcher' };
    return true;
  }
  if (desk.layer) return false;
  if (mod && !e.altKey && key === 'f') {
    const c = desk.channel;
    desk.openPane({ pane: 'search', query: e.shiftKey || !c || c.kind === 'direct' ? '' : `in:#${c.name} ` });
    return true;
  }
  if (mod && key === ',') {
    desk.open({ page: 'preferences' });
    return true;
  }
  if (e.altKey && !mod && (e.key === 'ArrowUp' || e.key === 'ArrowDown')) return step(e.key === 'ArrowUp' ? -1 : 1, e.shiftKey);
  if (e.altKey && !mod && e.key === 'ArrowLeft') {
    desk.goBack();
    return true;
  }
  if (e.key === 'F6') return region(e.shiftKey ? -1 : 1);
  if (e.key === 'Escape' && e.shiftKey) {
    void desk.markAll();
    return true;
  }
  if (e.key === 'Escape' && !mod) return escape();
  if (e.key === '?' && !typing()) {
    desk.layer = { layer: 'keys' };
    return true;
  }
  return false;
}

function typing(): boolean {
  return !!document.activeElement?.matches('input, textarea, select');
}

function escape(): boolean {
  if (desk.sheet) desk.sheet = false;
  else if (desk.pane) desk.closePane();
  else if (desk.log?.firstUnread) desk.log.firstUnread = undefined;
  else return false;
  return true;
}

function step(by: number, unread: boolean): boolean {
  const all = [...office.joined, ...office.directs].filter((c) => !unread || c.unread > 0 || c.id === desk.channel?.id);
  const at = all.findIndex((c) => c.id === desk.channel?.id);
  const to = all[(at + by + all.length) % all.length];
  if (to && to.id !== desk.channel?.id) desk.go(to.id);
  return true;
}

/** region moves the focus to the next part of the window: sidebar, header, messages, composer, pane. */
function region(by: number): boolean {
  const order = ['sidebar', 'header', 'messages', 'composer', 'pane'];
  const parts = order.map((r) => document.querySelector<HTMLElement>(`[data-region="${r}"]`)).filter((x): x is HTMLElement => !!x && x.offsetParent !== null);
  const active = document.activeElement;
  // The composer lies inside the messages' part: the innermost counts.
  let at = -1;
  parts.forEach((p, i) => { if (p.contains(active) && (at < 0 || parts[at]!.contains(p))) at = i; });
  for (let k = 1; k <= parts.length; k++) {
    const to = parts[(at + by * k + parts.length * 2) % parts.length]!;
    const seen = (what: string) => [...to.querySelectorAll<HTMLElement>(what)].find((x) => x.offsetParent !== null);
    const el = seen('article[tabindex="0"]') ?? seen('textarea') ?? seen('[aria-current="page"]') ?? seen('button:not(:disabled), input, a') ?? to;
    if (to.dataset.region === 'messages' && el.tagName === 'TEXTAREA') continue;
    el.focus();
    return true;
  }
  return false;
}
