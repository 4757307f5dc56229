// An office in memory behind the window's transport. It lives under tests and is never built into dist.
import type { Calls, Channel, Event, File as Attachment, Message, Settings, StatusReply } from '../../src/api.gen';
import { Problem, type Method, type Transport } from '../../src/lib/transport';
import { at, channel, channels, me, members, person, say } from './people';
import { bulk } from './bulk';
import { talk } from './talk';

export interface Options {
  start: 'empty' | 'locked' | 'ready';
  big: number;
  theme: 'light' | 'dark';
  offline: boolean;
}

const words = 'velvet island carpet timber oyster yellow humble quiver ember napkin saddle anchor walnut gravel mellow parade dolphin kitten unfold ribbon bamboo lumber jacket fabric'.split(' ');
const workspace = { id: 'ws1', name: 'Harbour Studio', member: me, device: 'd-farah', state: 'member' as const, recovery_pending: true, unread: 0, mentions: 0 };

type Handlers = { [M in Method]?: (r: Calls[M][0]) => Calls[M][1] };

export class FakeOffice implements Transport {
  calls: string[] = [];
  delay = 0;
  /** failNext refuses the next message with this sentence. */
  failNext = '';
  private seq = 1;
  private send_: ((events: Event[]) => void) | undefined;
  private rows = new Map<string, Message[]>();
  private channels: Channel[];
  private read = new Map<string, string>();
  private files = new Map<string, string>();
  private settings: Settings;
  private state: Options['start'];
  private joined = false;
  private nights = 0;

  constructor(private options: Options) {
    this.state = options.start;
    this.settings = { theme: options.theme, density: 'cosy', text_scale: 100, single_keys: true, sidebar_width: 256, pane_width: 380 };
    this.channels = channels();
    for (const m of talk()) this.rows.set(m.channel, [...(this.rows.get(m.channel) ?? []), m]);
    if (options.big > 0) {
      this.channels.push(channel('big'));
      this.rows.set('big', bulk(options.big));
    }
    for (const c of this.channels) {
      const all = this.line(c.id);
      this.read.set(c.id, all[all.length - 1]?.order ?? '');
    }
    const find = (c: string, text: string) => this.line(c).find((m) => m.text.startsWith(text))!.order;
    this.read.set('release', find('release', 'Signed'));
    this.read.set('general', find('general', 'Badges'));
    this.read.set('support', '');
    if (options.start !== 'ready') this.channels = [channel('general')];
  }

  // ---- transport ------------------------------------------------------------------
  async call<M extends Method>(method: M, request: Calls[M][0]): Promise<Calls[M][1]> {
    this.calls.push(method);
    await new Promise((r) => setTimeout(r, this.delay));
    if (this.failNext && method === 'Send') {
      const sentence = this.failNext;
      this.failNext = '';
      throw new Problem('too_large', sentence);
    }
    const handler = this.handlers[method] as ((r: Calls[M][0]) => Calls[M][1]) | undefined;
    return handler ? structuredClone(handler(request)) : ({} as Calls[M][1]);
  }

  listen(_: string, onEvents: (events: Event[]) => void, onLink: (up: boolean) => void): () => void {
    this.send_ = onEvents;
    onLink(true);
    return () => (this.send_ = undefined);
  }

  fileURL(id: string): string {
    return this.files.get(id) ?? picture;
  }

  async upload(file: Blob & { name?: string }, _: string, onProgress: (share: number) => void): Promise<Attachment> {
    onProgress(1);
    const id = `f${this.files.size}`;
    this.files.set(id, URL.createObjectURL(file));
    return { id, name: file.name ?? 'pasted.png', size: file.size, type: file.type || 'application/octet-stream', have: file.size, people: 0 };
  }

  // ---- what tests make happen -------------------------------------------------------
  emit(e: Omit<Event, 'seq'>): void {
    this.send_?.([{ seq: String(this.seq++), workspace: 'ws1', ...e }]);
  }

  /** hears lets somebody else's message arrive; clock in the past makes it late. */
  hears(channelID: string, who: string, clock: string, text: string, more: Partial<Message> = {}): Message {
    const m = say(channelID, who, clock, text, more);
    this.insert(m);
    this.emit({ event: 'message', channel: channelID, id: m.id, message: m, info: this.info(channelID) });
    return m;
  }

  /** catchesUp lets n messages arrive at once, as after a night offline. */
  catchesUp(channelID: string, n: number): void {
    const events: Event[] = [];
    const from = Date.now() + 60_000 * ++this.nights;
    for (let i = 0; i < n; i++) {
      const m = say(channelID, 'ada', new Date(from + i).toISOString(), `Caught up ${i}`);
      this.rows.get(channelID)!.push(m);
      events.push({ seq: String(this.seq++), workspace: 'ws1', event: 'message', channel: channelID, id: m.id, message: m });
    }
    events[n - 1]!.info = this.info(channelID);
    this.send_?.(events);
  }

  /** changes edits a row as an event would. */
  changes(event: Event['event'], channelID: string, id: string, more: Partial<Message>): void {
    const m = this.find(id);
    Object.assign(m, more);
    this.emit({ event, channel: channelID, id, message: structuredClone(m) });
  }

  admits(): void {
    this.joined = true;
    this.state = 'ready';
    this.emit({ event: 'join', join: this.joinStatus() });
  }

  rowAt(channelID: string, i: number): Message {
    const line = this.line(channelID);
    return line[i < 0 ? line.length + i : i]!;
  }

  // ---- the books ---------------------------------------------------------------------
  private line(c: string): Message[] {
    return (this.rows.get(c) ?? []).filter((m) => !m.thread || m.also_to_channel);
  }

  private insert(m: Message): void {
    const all = this.rows.get(m.channel) ?? [];
    let i = all.length;
    while (i > 0 && all[i - 1]!.order > m.order) i--;
    all.splice(i, 0, m);
    this.rows.set(m.channel, all);
  }

  private find(id: string): Message {
    for (const all of this.rows.values()) for (const m of all) if (m.id === id) return m;
    throw new Problem('not_found', 'There is no such message here.');
  }

  private info(id: string): Channel {
    const c = this.channels.find((x) => x.id === id || `#${x.name}` === id)!;
    if (!c) throw new Problem('not_found', 'There is no such channel here.');
    const fresh = this.line(c.id).filter((m) => m.kind === 'message' && !m.mine && m.order > (this.read.get(c.id) ?? ''));
    return {
      ...c, unread: fresh.length, mentions: fresh.filter((m) => m.mentions?.some((x) => x.you)).length,
      ...(fresh[0] ? { first_unread: fresh[0].id } : {}),
    };
  }

  private page(all: Message[], r: { limit?: number; before?: string; after?: string; around?: string; at_unread?: boolean }, first: string | undefined) {
    const limit = r.limit ?? 50;
    const where = (id: string) => all.findIndex((m) => m.id === id);
    let from = Math.max(0, all.length - limit);
    let to = all.length;
    const around = r.around ?? (r.at_unread ? first : undefined);
    if (r.before) {
      to = where(r.before);
      from = Math.max(0, to - limit);
    } else if (r.after) {
      from = where(r.after) + 1;
      to = Math.min(all.length, from + limit);
    } else if (around) {
      const i = where(around);
      from = Math.max(0, i - Math.floor(limit / 2));
      to = Math.min(all.length, from + limit);
    }
    return { rows: all.slice(from, to).map((m, i) => ({ ...m, position: from + i + 1 })), older: from > 0, newer: to < all.length };
  }

  private mark(c: string) {
    const i = this.info(c);
    this.emit({ event: 'read', channel: i.id, info: i, generation: 1 });
    return { channel: i.id, unread: i.unread, mentions: i.mentions, generation: 1, ...(i.first_unread ? { first_unread: i.first_unread } : {}) };
  }

  private joinStatus() {
    return {
      workspace: 'ws1', name: 'Harbour Studio', member: me, device: 'd-farah', state: this.joined ? ('member' as const) : ('pending' as const),
      step: this.joined ? ('done' as const) : ('approval' as const), sentence: 'Ada or Bram lets you in.', words: words.slice(0, 6), have: 0, want: 0,
    };
  }

  private status(): StatusReply {
    const off = this.options.offline;
    return {
      workspace: 'ws1', name: 'Harbour Studio', member: me, device: 'd-farah', state: off ? 'alone' : 'lan', peers: [], channels: [], pending: off ? 2 : 1, unreadable: 0,
      people: 7, reachable: off ? 0 : 4, complete_to: at('14:02'), have: 100, want: 100,
    };
  }

  private changed(id: string, change: (m: Message) => void, event: Event['event']) {
    const m = this.find(id);
    change(m);
    this.emit({ event, channel: m.channel, id, message: structuredClone(m) });
    return { id, message: m };
  }

  private startReply(): Calls['Start'][1] {
    return {
      state: this.state, workspaces: this.state === 'ready' ? [{ ...workspace, state: this.joined || this.options.start === 'ready' || this.made ? 'member' : 'pending' }] : [],
      keychain: false, version: '0.2.0', device_name: 'Farah’s laptop', settings: this.settings, network: true, ...(this.state === 'ready' ? { protection: 'keyfile' as const } : {}),
    };
  }
  private made = false;

  private readonly handlers: Handlers = {
    Start: () => this.startReply(),
    Unlock: (r) => {
      if (r.passphrase !== 'harbour lights') throw new Problem('locked', 'That is not the passphrase of this computer.');
      this.state = 'ready';
      this.made = true;
      return this.startReply();
    },
    Create: (r) => {
      this.state = 'ready';
      this.made = true;
      return { workspace: 'ws1', name: r.name, member: me, device: 'd-farah', recovery: words, kit: words };
    },
    PreviewInvite: (r) => {
      if (!r.link.includes('hallway:')) throw new Problem('invalid', 'There is no invite in this text. Paste the whole link.');
      return { workspace: 'ws1', name: 'Harbour Studio', invited_by: 'Ada Njoku', role: 'member', mode: 'auto', expires: at('18:00'), expired: r.link.includes('old'), already_here: false, words: ['cobalt', 'ferry', 'almond', 'lantern', 'pepper', 'tundra'], link: r.link.trim() };
    },
    Join: () => {
      this.state = 'ready';
      return { workspace: 'ws1', name: 'Harbour Studio', member: me, device: 'd-farah', state: 'pending', recovery: words };
    },
    JoinStatus: () => this.joinStatus(),
    RecoverySheet: () => ({ kept: false, name: 'Harbour Studio', person: 'Farah Aziz', words, kit: [], created: at('14:00') }),
    Settings: () => this.settings,
    SetSettings: (r) => (this.settings = { ...this.settings, ...r }),
    Channels: () => ({ channels: this.channels.map((c) => this.info(c.id)) }),
    CreateChannel: (r) => {
      if (this.channels.some((c) => c.name === r.name)) throw new Problem('exists', `There is a channel #${r.name} already.`);
      const c = channel(r.name, { topic: r.topic ?? '', ...(r.private ? { kind: 'private', private: true } : {}), members: 1 });
      this.channels.push(c);
      return c;
    },
    OpenDirect: (r) => {
      const id = `dm-${r.members.join('-')}`;
      let c = this.channels.find((x) => x.id === id);
      if (!c) this.channels.push((c = channel(id, { name: r.members.map((x) => person(x).name).join(', '), kind: 'direct', private: true, with: r.members, members: 2 })));
      return c;
    },
    SetTopic: (r) => Object.assign(this.channels.find((c) => c.id === r.channel)!, { topic: r.topic }),
    JoinChannel: (r) => Object.assign(this.channels.find((c) => c.id === r.channel)!, { joined: true }),
    ChannelMembers: () => ({ members: members.slice(0, 5) }),
    History: (r) => {
      const c = this.info(r.channel);
      return { channel: c, ...this.page(this.line(c.id), r, c.first_unread), ...(c.first_unread ? { first_unread: c.first_unread } : {}), read_at: at('14:02'), generation: 1, have: 10, want: 10 };
    },
    Thread: (r) => {
      const root = this.find(r.root);
      return { root, ...this.page((this.rows.get(root.channel) ?? []).filter((m) => m.thread === r.root), r, undefined) };
    },
    Activity: (r) => {
      const all = [...this.rows.values()].flat();
      if (r.kind === 'threads') return { rows: all.filter((m) => m.replies > 0), more: false };
      if (r.kind === 'mentions') return { rows: all.filter((m) => m.mentions?.some((x) => x.you)), more: false };
      return { rows: this.channels.flatMap((c) => this.line(c.id).filter((m) => m.kind === 'message' && !m.mine && m.order > (this.read.get(c.id) ?? ''))), more: false };
    },
    Send: (r) => {
      const m = say(r.channel, me, new Date().toISOString(), r.text, {
        state: 'waiting', on: 0, of: 5, ...(r.nonce ? { nonce: r.nonce } : {}), ...(r.thread ? { thread: r.thread } : {}), ...(r.also_to_channel ? { also_to_channel: true } : {}),
        channel_name: this.info(r.channel).name,
      });
      this.insert(m);
      this.emit({ event: 'message', channel: r.channel, id: m.id, message: structuredClone(m) });
      if (r.thread) this.changed(r.thread, (x) => { x.replies++; x.summary = { replies: x.replies, last_at: m.time, people: [person(me)], unread: 0 }; }, 'thread');
      setTimeout(() => this.changes('state', r.channel, m.id, { state: 'sent', on: 1 }), 300);
      return { id: m.id, state: 'waiting', message: m };
    },
    Edit: (r) => this.changed(r.id, (m) => Object.assign(m, { text: r.text, edited: true, edited_at: new Date().toISOString() }), 'edit'),
    Delete: (r) => this.changed(r.id, (m) => Object.assign(m, { text: '', deleted: true, files: [], reactions: [] }), 'delete'),
    React: (r) => this.changed(r.id, (m) => {
      const had = m.reactions.find((x) => x.emoji === r.emoji);
      if (r.remove) m.reactions = m.reactions.map((x) => (x.emoji === r.emoji ? { ...x, mine: false, people: x.people.filter((p) => p.id !== me) } : x)).filter((x) => x.people.length > 0);
      else if (had) { had.mine = true; had.people.push(person(me)); }
      else m.reactions.push({ emoji: r.emoji, people: [person(me)], mine: true });
    }, 'reaction'),
    Pin: (r) => this.changed(r.id, (m) => (m.pinned = true), 'pin'),
    Unpin: (r) => this.changed(r.id, (m) => (m.pinned = false), 'pin'),
    Pins: (r) => ({ rows: this.line(r.channel).filter((m) => m.pinned) }),
    MarkRead: (r) => {
      if (r.thread) {
        this.changed(r.thread, (m) => { if (m.summary) m.summary.unread = 0; }, 'thread');
        return this.mark(r.channel);
      }
      const to = r.message ? this.find(r.message).order : '\uffff';
      if (to > (this.read.get(r.channel) ?? '')) this.read.set(r.channel, to);
      return this.mark(r.channel);
    },
    MarkUnread: (r) => {
      const all = this.line(r.channel);
      this.read.set(r.channel, all[all.findIndex((m) => m.id === r.message) - 1]?.order ?? '');
      return this.mark(r.channel);
    },
    Drafts: () => ({ drafts: [{ channel: 'design', text: 'What about a darker', at: at('13:00') }] }),
    Search: (r) => {
      const text = r.query.replace(/\w+:("[^"]*"|\S+)/g, '').trim().toLowerCase();
      const where = /in:#?(\S+)/.exec(r.query)?.[1];
      const hits = [...this.rows.values()].flat().filter((m) => m.kind === 'message' && (!where || m.channel_name === where) && m.text.toLowerCase().includes(text)).slice(0, 60)
        .map((m) => { const i = m.text.toLowerCase().indexOf(text); return { message: m, snippet: m.text, marks: text ? [{ from: i, to: i + text.length }] : [] }; });
      return { hits, total: hits.length, searched: 962_529, took_ms: 6, complete: false, fetching: 2 };
    },
    WhoHas: () => ({
      on: 4, of: 5, on_people: 3, of_people: 4,
      people: [{ member: 'ada', name: 'Ada Njoku', state: 'read', at: at('14:09') }, { member: 'bram', name: 'Bram Visser', state: 'has', at: at('14:08') }, { member: 'noor', name: 'Noor Haddad', state: 'not_yet', last_contact: at('14:01') }],
    }),
    Members: () => ({ members }),
    Member: (r) => ({
      member: members.find((m) => m.id === r.member)!, since: '2024-03-12T09:00:00Z', invited_by: 'Ada Njoku', may_remove: true, may_grant: ['admin', 'member', 'guest'], channels: 9,
      devices: [{ id: 'd1', name: 'Laptop', member: r.member, added: '2024-03-12T09:00:00Z', online: true }, { id: 'd2', name: 'Build machine', member: r.member, added: '2025-06-02T09:00:00Z', added_by: 'Laptop', online: false, last_seen: at('13:00') }],
    }),
    Profile: () => ({ member: me, name: 'Farah Aziz', title: 'Engineering', team: '', status: '' }),
    SetProfile: () => ({ member: me, name: 'Farah Aziz', title: '', team: '', status: '' }),
    Devices: () => ({ devices: [{ id: 'd-farah', name: 'Farah’s laptop', member: me, added: '2024-03-12T09:00:00Z', online: true, this: true }] }),
    Invite: () => ({ link: `hallway:join/harbour-studio#${'a1b2c3d4'.repeat(24)}`, id: 'i9', expires: at('18:00') }),
    Invites: () => ({ invites: [{ id: 'i1', by: 'Ada Njoku', role: 'member', mode: 'auto', uses: 5, used: 2, created: at('09:00'), expires: at('18:00'), revoked: false, open: true, link: 'hallway:join/x', may_revoke: true }] }),
    Requests: () => ({ requests: [{ id: 'r1', name: 'Marco Ruiz', device: 'marco-pc', role: 'guest', at: at('14:00'), by: 'Ada Njoku', words: ['cobalt', 'ferry', 'almond', 'lantern', 'pepper', 'tundra'], may_decide: true }] }),
    Audit: () => ({ entries: [{ id: 'a1', time: at('09:00'), actor: 'Ada Njoku', action: 'found', target: 'Harbour Studio', effective: true }, { id: 'a2', time: at('11:20'), actor: 'Ada Njoku', action: 'remove', target: 'Jonas Weber', effective: true }], older: false }),
    Status: () => this.status(),
    Network: () => ({
      state: this.options.offline ? 'alone' : 'lan', people: 7, reachable: 4, complete: 5, complete_to: at('14:02'), pending: 0, addrs: [],
      devices: [
        { member: 'ada', name: 'Ada Njoku', device: 'a1', device_name: 'Laptop', path: 'lan', last: at('14:10'), have: 18412, want: 18412, want_known: true, bytes_left: 0 },
        { member: 'ada', name: 'Ada Njoku', device: 'a2', device_name: 'Desktop at home', path: 'none', last: at('14:01'), have: 402, want: 402, want_known: true, bytes_left: 0 },
        { member: 'emil', name: 'Emil Sørensen', device: 'e1', device_name: 'Build machine', path: 'direct', last: at('14:10'), have: 11033, want: 11033, want_known: true, bytes_left: 0 },
        { member: 'noor', name: 'Noor Haddad', device: 'n1', device_name: 'Laptop', path: 'none', last: at('14:01'), have: 7118, want: 7121, want_known: true, bytes_left: 12_000 },
        { member: 'jonas', name: 'Jonas Weber', device: 'j1', device_name: 'Laptop', path: 'none', last: '2026-11-18T16:30:00Z', have: 5340, want: 0, want_known: false, bytes_left: 0 },
      ],
    }),
    Completeness: (r) => (r.channel === 'general'
      ? { channel: r.channel, people: 43, complete: 41, to: at('14:02'), missing: [{ member: 'noor', name: 'Noor Haddad', known: true, count: 3, last_contact: at('14:01'), known_by: 'Bram’s laptop' }, { member: 'jonas', name: 'Jonas Weber', known: false, count: 0, last_contact: '2026-11-18T16:30:00Z' }] }
      : { channel: r.channel, people: 4, complete: 4, to: at('14:10'), missing: [] }),
    Doctor: () => ({ at: at('14:12'), checks: [{ check: 'relay', ok: false, says: 'No internet since 14:01. The relay and everything outside this office cannot be reached.', fix: 'Between the computers in the office nothing is missing.' }, { check: 'clock', ok: true, says: 'This computer’s clock agrees with the others.', fix: '' }] }),
  };
}

const picture = 'data:image/svg+xml,' + encodeURIComponent('<svg xmlns="http://www.w3.org/2000/svg" width="448" height="252"><rect width="448" height="252" fill="#155"/><rect y="172" width="448" height="80" fill="#0a3c46"/><circle cx="330" cy="150" r="36" fill="#f6a976"/></svg>');
