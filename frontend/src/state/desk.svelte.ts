import type { Channel, Message, Place } from '../api.gen';
import { copyText, nonce as newNonce } from '../lib/desktop';
import { Problem } from '../lib/transport';
import { t } from '../messages/i18n';
import { Log, type Ask, type Page as Rows } from './log.svelte';
import { office } from './office.svelte';
import type { Layer, Page, Pane, Toast } from './places';

const cached = 12;

interface Back {
  page: Page;
  place: Place | undefined;
}

/** Desk is where the person is in the window: page, pane, layer, and the conversations held. */
export class Desk {
  page = $state.raw<Page>({ page: 'channel', channel: '' });
  pane = $state.raw<Pane | undefined>();
  layer = $state.raw<Layer | undefined>();
  toasts = $state.raw<Toast[]>([]);
  sheet = $state(false);
  back = $state.raw<Back[]>([]);
  log = $state.raw<Log | undefined>();
  thread = $state.raw<Log | undefined>();
  threadRoot = $state.raw<Message | undefined>();
  recent: string[] = [];

  readonly channel = $derived(this.page.page === 'channel' ? office.byID.get(this.page.channel) : undefined);

  private logs = new Map<string, Log>();
  private opener: HTMLElement | undefined;
  private nextToast = 1;
  private local = 0;

  constructor() {
    office.around = (run) => {
      const inner = () => (this.thread ? this.thread.batch(run) : run());
      if (this.log) this.log.batch(inner);
      else inner();
    };
    office.hear((e) => {
      if (e.event === 'reset') {
        this.reset();
        return;
      }
      for (const log of this.logs.values()) log.take(e);
      this.thread?.take(e);
      if (e.message && this.threadRoot && e.message.id === this.threadRoot.id) this.threadRoot = e.message;
      if (e.event === 'read' && e.channel && e.generation !== undefined) {
        const log = this.logs.get(e.channel);
        if (log) log.generation = e.generation;
      }
    });
  }

  // After a gap in the events every cached row may be stale.
  private reset(): void {
    for (const [id, log] of this.logs) if (log !== this.log) this.logs.delete(id);
    const log = this.log;
    if (!log?.loaded) return;
    const place = log.view?.place();
    const here = place && !log.view?.stuck() ? { around: place.message } : {};
    void log.load(here, () => (place && 'around' in here ? { at: 'place', place } : { at: 'bottom' }));
    if (this.thread) void this.thread.load({}, () => ({ at: 'bottom' }));
  }

  private logOf(channel: string): Log {
    let log = this.logs.get(channel);
    this.logs.delete(channel);
    log ??= new Log(channel, undefined, (ask) => this.history(channel, ask));
    this.logs.set(channel, log);
    for (const id of this.logs.keys()) {
      if (this.logs.size <= cached) break;
      if (id !== channel) this.logs.delete(id);
    }
    return log;
  }

  private async history(channel: string, ask: Ask): Promise<Rows> {
    const r = await office.call('History', { channel, system: true, ...ask });
    return { ...r, firstUnread: r.first_unread, readAt: r.read_at };
  }

  /** go opens a channel: at its unread line, where it was left, or at a message. */
  go(channel: string, message?: string): void {
    this.leave();
    this.sheet = false;
    const c = office.byID.get(channel);
    const log = this.logOf(channel);
    this.page = { page: 'channel', channel };
    this.recent = [channel, ...this.recent.filter((x) => x !== channel)].slice(0, 20);
    if (this.pane && 'channel' in this.pane && this.pane.channel !== channel) this.pane = undefined;
    log.firstUnread = c?.first_unread;
    if (message) this.show(log, message);
    else if (c && c.unread > 0) this.showUnread(log, c);
    else if (c?.place && !log.has(c.place.message)) {
      const place = c.place;
      void log.load({ around: place.message }, () => ({ at: 'place', place }));
    } else if (!log.loaded) void log.load({}, () => ({ at: 'bottom' }));
    else {
      log.intent = c?.place ? { at: 'place', place: c.place } : { at: 'bottom' };
      log.arrivals++;
    }
    this.log = log;
    history.replaceState({ channel }, '');
    void this.complete(channel);
  }

  async complete(channel: string): Promise<void> {
    const r = await office.call('Completeness', { channel }).catch(() => undefined);
    if (r) office.completeness = { ...office.completeness, [r.channel]: r, [channel]: r };
  }

  private showUnread(log: Log, c: Channel): void {
    if (log.loaded && c.first_unread && log.has(c.first_unread)) {
      log.intent = { at: 'unread', id: c.first_unread };
      log.arrivals++;
      return;
    }
    void log.load({ at_unread: true }, (page) => {
      log.firstUnread = page.firstUnread;
      return page.firstUnread ? { at: 'unread', id: page.firstUnread } : { at: 'bottom' };
    });
  }

  private show(log: Log, id: string): void {
    if (log.loaded && log.has(id)) {
      log.intent = { at: 'message', id, mark: true };
      log.arrivals++;
    } else void log.load({ around: id }, () => ({ at: 'message', id, mark: true }));
  }

  private leave(): void {
    const log = this.log;
    if (!log || this.page.page !== 'channel') return;
    const channel = this.page.channel;
    const place = log.rest();
    const c = office.byID.get(channel);
    log.firstUnread = undefined;
    log.fresh = log.freshMentions = 0;
    if (c && (c.place?.message !== place?.message || c.place?.offset !== place?.offset)) {
      const { place: _, ...rest } = c;
      office.setChannel(place ? { ...rest, place } : rest);
      void office.call('SetPlace', { channel, ...(place ? { place } : {}) }).catch(() => undefined);
    }
    this.log = undefined;
  }

  /** keep stores where the open channel stands, before the window closes. */
  keep(): void {
    const place = this.log?.view?.place();
    if (this.page.page === 'channel' && this.log?.loaded) {
      void office.call('SetPlace', { channel: this.page.channel, ...(place ? { place } : {}) }).catch(() => undefined);
    }
  }

  open(page: Page): void {
    this.leave();
    this.sheet = false;
    if (this.pane?.pane !== 'search') this.pane = undefined;
    this.page = page;
  }

  /** jump shows a message wherever it is, and keeps a way back. */
  jump(m: { channel: string; id: string; thread?: string; also_to_channel?: boolean }): void {
    const here = this.page.page === 'channel' && this.page.channel === m.channel ? this.log : undefined;
    this.back = [...this.back, { page: this.page, place: this.log?.view?.place() }].slice(-20);
    const target = m.thread && !m.also_to_channel ? m.thread : m.id;
    if (here) this.show(here, target);
    else this.go(m.channel, target);
    if (m.thread) this.openThread(m.thread, m.channel, m.id);
  }

  goBack(): void {
    const to = this.back[this.back.length - 1];
    if (!to) return;
    this.back = this.back.slice(0, -1);
    if (to.page.page !== 'channel') {
      this.open(to.page);
      return;
    }
    const { channel } = to.page;
    if (this.page.page !== 'channel' || this.page.channel !== channel) this.go(channel);
    const log = this.log!;
    const place = to.place;
    if (!place) void log.load({}, () => ({ at: 'bottom' }));
    else if (log.has(place.message)) {
      log.intent = { at: 'place', place };
      log.arrivals++;
    } else void log.load({ around: place.message }, () => ({ at: 'place', place }));
  }

  openPane(pane: Pane): void {
    if (!this.pane) this.opener = document.activeElement instanceof HTMLElement ? document.activeElement : undefined;
    this.pane = pane;
  }

  closePane(): void {
    this.pane = undefined;
    this.thread = this.threadRoot = undefined;
    const opener = this.opener;
    this.opener = undefined;
    queueMicrotask(() => (opener?.isConnected ? opener : document.querySelector<HTMLElement>('[data-composer]'))?.focus());
  }

  openThread(root: string, channel: string, message?: string): void {
    const log = new Log(channel, root, async (ask) => {
      const { limit, before, after } = ask;
      const r = await office.call('Thread', { root, limit, ...(before ? { before } : {}), ...(after ? { after } : {}) });
      this.threadRoot = r.root;
      return r;
    });
    this.threadRoot = this.log?.w.rows.find((m) => m.id === root);
    this.thread = log;
    this.openPane({ pane: 'thread', root, channel });
    void log.load({}, () => (message && message !== root && log.has(message) ? { at: 'message', id: message, mark: true } : { at: 'bottom' }));
  }

  toast(text: string, action?: Toast['action'], ms = 6000): void {
    const id = this.nextToast++;
    this.toasts = [...this.toasts, { id, text, ...(action ? { action } : {}) }].slice(-3);
    setTimeout(() => this.drop(id), ms);
  }

  /** copy puts a text on the clipboard and says so. */
  async copy(text: string): Promise<void> {
    await this.attempt(copyText(text).then(() => this.toast(t.copied)));
  }

  drop(id: number): void {
    this.toasts = this.toasts.filter((x) => x.id !== id);
  }

  /** attempt runs a command and tells the person when it was refused. */
  async attempt<T>(p: Promise<T>): Promise<T | undefined> {
    try {
      return await p;
    } catch (e) {
      this.toast(e instanceof Problem ? e.sentence : String(e));
      return undefined;
    }
  }

  private shown(channel: string): Log[] {
    const main = this.logs.get(channel);
    return [...(main ? [main] : []), ...(this.thread ? [this.thread] : [])];
  }

  private put(m: Message): void {
    for (const log of this.shown(m.channel)) if (log.owns(m)) log.put(m);
    if (this.threadRoot?.id === m.id) this.threadRoot = m;
  }

  /** send shows the message at once and hands it to the node. */
  async send(channel: Channel, text: string, files: Message['files'], thread?: string, also = false): Promise<void> {
    const nonce = newNonce();
    const me = office.me;
    const m: Message = {
      id: `local-${nonce}`, kind: 'message', channel: channel.id, channel_name: channel.name, order: '\uffff' + String(this.local++).padStart(9, '0'),
      author: me?.name ?? '', author_id: office.workspace?.member ?? '', mine: true, time: new Date().toISOString(), text, edited: false,
      deleted: false, pinned: false, replies: 0, reactions: [], files, state: 'waiting', late: false, nonce,
      ...(thread ? { thread } : {}), ...(also ? { also_to_channel: true } : {}),
    };
    this.put(m);
    await this.deliver(m);
  }

  /** deliver hands a shown message to the node; again, after it was refused. */
  async deliver(m: Message): Promise<void> {
    try {
      const r = await office.call('Send', {
        channel: m.channel, text: m.text, ...(m.nonce ? { nonce: m.nonce } : {}),
        ...(m.thread ? { thread: m.thread } : {}), ...(m.also_to_channel ? { also_to_channel: true } : {}),
        ...(m.files.length > 0 ? { files: m.files.map((f) => f.id) } : {}),
      });
      // An event may have brought a later state already: the row that it made wins.
      const known = this.shown(m.channel).flatMap((l) => l.w.rows).find((x) => x.id === r.id);
      this.put({ ...(known ?? r.message), nonce: m.nonce ?? '' });
    } catch (e) {
      this.put({ ...m, state: 'failed', failure: e instanceof Problem ? e.sentence : String(e) });
    }
  }

  async edit(m: Message, text: string): Promise<void> {
    const r = await this.attempt(office.call('Edit', { id: m.id, text }));
    if (r) this.put(r.message);
  }

  async remove(m: Message): Promise<void> {
    if (m.id.startsWith('local-')) {
      for (const log of this.shown(m.channel)) log.take({ seq: '0', event: 'delete', id: m.id, gone: true });
      return;
    }
    const r = await this.attempt(office.call('Delete', { id: m.id }));
    if (r) this.put(r.message);
  }

  async react(m: Message, emoji: string): Promise<void> {
    const mine = m.reactions.find((x) => x.emoji === emoji)?.mine;
    const r = await this.attempt(office.call('React', { id: m.id, emoji, ...(mine ? { remove: true } : {}) }));
    if (r) this.put(r.message);
  }

  async pin(m: Message): Promise<void> {
    const r = await this.attempt(office.call(m.pinned ? 'Unpin' : 'Pin', { id: m.id }));
    if (r) this.put(r.message);
  }

  async markRead(log: Log, message: string): Promise<void> {
    const r = await office.call('MarkRead', { channel: log.channel, message, generation: log.generation, ...(log.root ? { thread: log.root } : {}) }).catch(() => undefined);
    if (r) this.marked(log.channel, r);
  }

  private marked(channel: string, r: { unread: number; mentions: number; generation: number; first_unread?: string }): void {
    const log = this.logs.get(channel);
    if (log) log.generation = r.generation;
    const c = office.byID.get(channel);
    if (!c) return;
    const { first_unread: _, ...rest } = c;
    office.setChannel({ ...rest, unread: r.unread, mentions: r.mentions, ...(r.first_unread ? { first_unread: r.first_unread } : {}) });
  }

  async markUnread(m: { channel: string; id: string }): Promise<void> {
    const r = await this.attempt(office.call('MarkUnread', { channel: m.channel, message: m.id }));
    if (!r) return;
    this.marked(m.channel, r);
    const log = this.logs.get(m.channel);
    if (log) log.firstUnread = m.id;
  }

  /** markAll marks every channel read, and offers to take that back. */
  async markAll(): Promise<void> {
    const were = office.channels.filter((c) => c.joined && c.unread > 0 && c.first_unread);
    for (const c of were) {
      const r = await office.call('MarkRead', { channel: c.id }).catch(() => undefined);
      if (r) this.marked(c.id, r);
    }
    if (this.log) this.log.firstUnread = undefined;
    this.toast(t.markedAll, {
      label: t.undo,
      run: () => {
        for (const c of were) void this.markUnread({ channel: c.id, id: c.first_unread! });
      },
    });
  }

  /** direct opens the conversation with one person. */
  async direct(member: string): Promise<void> {
    const c = await this.attempt(office.call('OpenDirect', { members: [member] }));
    if (!c) return;
    office.setChannel(c);
    this.go(c.id);
  }

  /** moveIn opens a workspace that was just entered. */
  moveIn(): void {
    this.log = this.thread = this.threadRoot = this.pane = this.layer = undefined;
    this.logs.clear();
    this.back = [];
    this.home();
  }

  /** home is where the window opens: the channel that was open when the page was loaded again, else #general. */
  home(): void {
    const was = (history.state as { channel?: string } | null)?.channel;
    const open = office.channels.find((x) => x.id === was && x.joined && !x.archived);
    const c = open ?? office.joined.find((x) => x.name === 'general') ?? office.joined[0] ?? office.channels[0];
    if (c) this.go(c.id);
    else this.page = { page: 'browse' };
  }
}

export const desk = new Desk();
