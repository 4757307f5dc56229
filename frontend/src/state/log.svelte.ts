import type { Event, Message, Place } from '../api.gen';
import { append, keyOf, PAGE, prepend, put, take, type Rows } from '../list/window';

/** Ask is which page of a conversation is wanted; with nothing set, the newest. */
export interface Ask {
  before?: string;
  after?: string;
  around?: string;
  at_unread?: boolean;
  limit: number;
}

/** Page is what a source answers. */
export interface Page {
  rows: Message[];
  older: boolean;
  newer: boolean;
  firstUnread?: string | undefined;
  readAt?: string | undefined;
  generation?: number;
  have?: number;
  want?: number;
}

/** View is the list that shows a log: it keeps still what is read while rows change. */
export interface View {
  hold(change: () => void): void;
  stuck(): boolean;
  focused(): string | undefined;
  place(): Place | undefined;
  seen(id: string): boolean;
}

/** Intent is where a list shall stand when its rows are first shown. */
export type Intent = { at: 'bottom' } | { at: 'unread'; id: string } | { at: 'message'; id: string; mark: boolean } | { at: 'place'; place: Place };

/** Log is the window of one conversation, a channel's main line or a thread, that is held in memory. */
export class Log {
  w = $state.raw<Rows>({ rows: [], older: false, newer: false });
  loaded = $state(false);
  failure = $state('');
  firstUnread = $state<string | undefined>();
  readAt = $state<string | undefined>();
  have = $state(0);
  want = $state(0);
  /** fresh and freshMentions count what came below the view since it left the bottom. */
  fresh = $state(0);
  freshMentions = $state(0);
  /** late holds ids of messages that arrived late and were not looked at. */
  late = $state.raw<string[]>([]);
  marked = $state<string | undefined>();
  busy = $state<'older' | 'newer' | 'page' | undefined>();
  intent = $state.raw<Intent>({ at: 'bottom' });
  /** arrivals counts loads that want the list to go where intent says. */
  arrivals = $state(0);
  generation = 0;
  view: View | undefined;
  private together = false;
  private arrived: string[] = [];

  constructor(
    readonly channel: string,
    readonly root: string | undefined,
    private readonly source: (ask: Ask) => Promise<Page>,
  ) {}

  private change(next: Rows): void {
    const set = () => (this.w = next);
    if (this.view && !this.together) this.view.hold(set);
    else set();
  }

  /** batch makes the changes of many events one, so that a catch-up of thousands is laid out once. */
  batch(run: () => void): void {
    if (!this.view || this.together) {
      run();
      return;
    }
    this.together = true;
    this.view.hold(run);
    this.together = false;
    const arrived = this.arrived;
    this.arrived = [];
    for (const id of arrived) this.notice(id);
  }

  private notice(id: string): void {
    if (!this.view?.seen(id)) this.late = [...this.late, id];
  }

  /** load reads a page afresh and goes where intent says. */
  async load(ask: Omit<Ask, 'limit'>, intent: (page: Page) => Intent): Promise<void> {
    if (this.busy === 'page') return;
    this.busy = 'page';
    try {
      const page = await this.source({ ...ask, limit: PAGE });
      this.w = { rows: page.rows, older: page.older, newer: page.newer };
      this.adopt(page);
      this.intent = intent(page);
      this.failure = '';
      this.loaded = true;
      if (!page.newer) this.fresh = this.freshMentions = 0;
      this.arrivals++;
    } catch (e) {
      this.failure = e instanceof Error ? e.message : String(e);
    } finally {
      this.busy = undefined;
    }
  }

  private adopt(page: Page): void {
    if (page.generation !== undefined) this.generation = page.generation;
    if (page.readAt) this.readAt = page.readAt;
    if (page.have !== undefined) this.have = page.have;
    if (page.want !== undefined) this.want = page.want;
  }

  /** more brings the next page at one end; one is in flight at a time. */
  async more(end: 'older' | 'newer'): Promise<void> {
    const { rows, older, newer } = this.w;
    const edge = end === 'older' ? rows[0] : rows[rows.length - 1];
    if (this.busy || !edge || !(end === 'older' ? older : newer)) return;
    this.busy = end;
    try {
      const page = await this.source(end === 'older' ? { before: edge.id, limit: PAGE } : { after: edge.id, limit: PAGE });
      if (this.busy !== end) return;
      this.adopt(page);
      const keep = this.view?.focused();
      this.change(end === 'older' ? prepend(this.w, page.rows, page.older, keep) : append(this.w, page.rows, page.newer, keep));
    } catch (e) {
      this.failure = e instanceof Error ? e.message : String(e);
    } finally {
      if (this.busy === end) this.busy = undefined;
    }
  }

  /** put shows a row that is new or has changed. */
  put(m: Message): void {
    const stuck = this.view ? this.view.stuck() : !this.w.newer;
    const { rows, did } = put(this.w, m, stuck, this.view?.focused());
    if (rows !== this.w) this.change(rows);
    if (did === 'changed' || m.mine || m.kind !== 'message') return;
    if (m.late) {
      // Whether it is in view can be told once it is drawn.
      if (this.together) this.arrived.push(m.id);
      else this.notice(m.id);
    } else if (!stuck && did !== 'above') {
      this.fresh++;
      if (m.mentions?.some((x) => x.you)) this.freshMentions++;
    }
  }

  /** owns says whether a row belongs into this log. */
  owns(m: Message): boolean {
    if (m.channel !== this.channel) return false;
    return this.root ? m.thread === this.root : !m.thread || !!m.also_to_channel;
  }

  /** take applies what happened; only rows that are shown or follow on them. */
  take(e: Event): void {
    if (!this.loaded) return;
    if (e.gone && e.id) {
      if (this.w.rows.some((m) => m.id === e.id)) this.change(take(this.w, e.id));
      return;
    }
    const m = e.line ?? e.message;
    if (!m || !this.owns(m)) return;
    if (e.line || e.event === 'message' || this.w.rows.some((r) => r.id === m.id || (m.nonce && r.nonce === m.nonce))) this.put(m);
  }

  /** rest makes the window small while its list is not shown. */
  rest(): Place | undefined {
    const place = this.view?.place();
    this.view = undefined;
    this.late = [];
    this.marked = undefined;
    const { rows } = this.w;
    const at = place ? rows.findIndex((m) => m.id === place.message) : -1;
    const from = at < 0 ? rows.length - PAGE : at - PAGE / 2;
    const to = at < 0 ? rows.length : at + PAGE / 2;
    if (at < 0 && this.w.newer) this.loaded = false;
    this.w = {
      rows: rows.slice(Math.max(0, from), to),
      older: this.w.older || from > 0,
      newer: this.w.newer || to < rows.length,
    };
    return place;
  }

  /** mark lights a row up for 2 s. */
  mark(id: string): void {
    this.marked = id;
    setTimeout(() => {
      if (this.marked === id) this.marked = undefined;
    }, 2000);
  }

  has(id: string): boolean {
    return this.w.rows.some((m) => m.id === id || keyOf(m) === id);
  }

  /** lastMine is the newest own message that can be edited. */
  lastMine(): Message | undefined {
    return this.w.newer ? undefined : this.w.rows.findLast((m) => m.mine && m.kind === 'message' && !m.deleted);
  }
}
