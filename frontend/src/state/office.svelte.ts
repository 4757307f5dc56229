import type { Calls, Channel, CompletenessReply, Draft, Event, JoinStatusReply, Job, Member, Settings, StartReply, StatusReply, Workspace } from '../api.gen';
import { Problem, type Method, type Transport } from '../lib/transport';

/** Phase is which of the great screens is shown. */
export type Phase = 'loading' | 'nosession' | 'stopped' | 'empty' | 'locked' | 'ready';

const plainSettings: Settings = { theme: 'system', density: 'cosy', text_scale: 100, single_keys: true, sidebar_width: 256, pane_width: 380 };

/** draftKey names the draft of a channel or of a thread in it. */
export function draftKey(channel: string, thread?: string): string {
  return thread ? `${channel}/${thread}` : channel;
}

/** Office is what the window knows of the node: everything that more than one part shows. */
export class Office {
  phase = $state<Phase>('loading');
  start = $state.raw<StartReply | undefined>();
  workspace = $state.raw<Workspace | undefined>();
  channels = $state.raw<Channel[]>([]);
  members = $state.raw<Member[]>([]);
  status = $state.raw<StatusReply | undefined>();
  settings = $state.raw<Settings>(plainSettings);
  drafts = $state.raw<Record<string, Draft>>({});
  completeness = $state.raw<Record<string, CompletenessReply>>({});
  join = $state.raw<JoinStatusReply | undefined>();
  jobs = $state.raw<Record<string, Job>>({});
  requests = $state(0);
  typing = $state.raw<{ channel: string; thread: string; member: string; name: string; until: number }[]>([]);
  linkUp = $state(true);
  /** loaded is the id of the workspace that this object holds. */
  loaded = $state('');

  readonly byID = $derived(new Map(this.channels.map((c) => [c.id, c])));
  readonly people = $derived(new Map(this.members.map((m) => [m.id, m])));
  readonly me = $derived(this.members.find((m) => m.you));
  readonly joined = $derived(
    this.channels.filter((c) => c.joined && !c.archived && c.kind !== 'direct').sort((a, b) => Number(b.name === 'general') - Number(a.name === 'general') || a.name.localeCompare(b.name)),
  );
  readonly directs = $derived(this.channels.filter((c) => c.kind === 'direct' && c.joined));
  readonly channelNames = $derived(new Set(this.channels.filter((c) => c.kind !== 'direct').map((c) => c.name.toLowerCase())));
  readonly alone = $derived(this.status?.state === 'alone' && (this.status?.people ?? 0) > 0);
  readonly unread = $derived(this.channels.reduce((k, c) => k + (c.joined ? c.unread : 0), 0));
  readonly mentions = $derived(this.channels.reduce((k, c) => k + (c.joined ? c.mentions : 0), 0));

  /** around wraps the handling of a frame's events; the desk holds its lists still there. */
  around: (run: () => void) => void = (run) => run();

  private transport!: Transport;
  private stop: (() => void) | undefined;
  private seq = '0';
  private queue: Event[] = [];
  private scheduled = false;
  private readonly hearers = new Set<(e: Event) => void>();

  /** call asks the node; the workspace in view is added to every request. */
  async call<M extends Method>(method: M, request: Calls[M][0]): Promise<Calls[M][1]> {
    try {
      return await this.transport.call(method, { workspace: this.workspace?.id, ...request });
    } catch (e) {
      if (e instanceof Problem && e.kind === 'unauthorized') this.phase = 'nosession';
      throw e;
    }
  }

  fileURL(id: string): string {
    return this.transport.fileURL(id, this.workspace?.id ?? '');
  }

  upload(file: Blob & { name?: string }, onProgress: (share: number) => void) {
    return this.transport.upload(file, this.workspace?.id ?? '', onProgress);
  }

  /** hear gives every event to a part of the window until the answer is called. */
  hear(f: (e: Event) => void): () => void {
    this.hearers.add(f);
    return () => this.hearers.delete(f);
  }

  /** open looks in which state the node is and shows what fits. */
  async open(transport: Transport): Promise<void> {
    this.transport = transport;
    try {
      await this.take(await transport.call('Start', {}));
    } catch (e) {
      if (e instanceof Problem && (e.kind === 'unauthorized' || e.kind === 'offline')) {
        this.phase = e.kind === 'offline' ? 'stopped' : 'nosession';
        return;
      }
      throw e;
    }
  }

  /** take adopts what Start or Unlock answered. */
  async take(start: StartReply): Promise<void> {
    this.start = start;
    this.settings = { ...plainSettings, ...start.settings };
    this.listen();
    if (start.state !== 'ready') {
      this.phase = start.state;
      return;
    }
    await this.enter(start.workspaces[0]!.id, start);
  }

  /** enter opens a workspace. */
  async enter(id: string, start?: StartReply): Promise<void> {
    start ??= await this.transport.call('Start', {});
    this.start = start;
    this.workspace = start.workspaces.find((w) => w.id === id) ?? start.workspaces[0];
    if (this.workspace?.state === 'pending') this.join = await this.call('JoinStatus', {});
    else this.join = undefined;
    if (!this.join || this.join.state === 'member') {
      await this.refresh();
      this.loaded = this.workspace!.id;
    }
    this.phase = 'ready';
  }

  /** refresh reads afresh what this object holds. */
  async refresh(): Promise<void> {
    const [channels, members, status, drafts] = await Promise.all([
      this.call('Channels', {}),
      this.call('Members', {}),
      this.call('Status', {}),
      this.call('Drafts', {}),
    ]);
    this.channels = channels.channels;
    this.members = members.members;
    this.status = status;
    this.drafts = Object.fromEntries(drafts.drafts.map((d) => [draftKey(d.channel, d.thread), d]));
    void this.countRequests();
  }

  async countRequests(): Promise<void> {
    const reply = await this.call('Requests', {}).catch(() => undefined);
    if (reply) this.requests = reply.requests.filter((r) => r.may_decide).length;
  }

  private listen(): void {
    this.stop?.();
    this.stop = this.transport.listen(
      this.seq,
      (events) => {
        this.queue.push(...events);
        this.schedule();
      },
      (up) => (this.linkUp = up),
    );
  }

  // A catch-up brings thousands of events: they are shown together, once a frame.
  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    const run = () => {
      this.scheduled = false;
      const events = this.queue;
      this.queue = [];
      this.around(() => {
        for (const e of events) this.one(e);
      });
    };
    if (document.visibilityState === 'visible') requestAnimationFrame(run);
    else setTimeout(run, 50);
  }

  private one(e: Event): void {
    if (e.seq !== '0') this.seq = e.seq;
    if (e.event === 'reset') {
      if (this.phase === 'ready' && this.workspace?.state === 'member') void this.refresh().catch(() => undefined);
    } else if (e.workspace && this.workspace && e.workspace !== this.workspace.id) {
      this.elsewhere(e);
      return;
    } else this.apply(e);
    for (const f of this.hearers) f(e);
  }

  private elsewhere(e: Event): void {
    if (e.event !== 'message' || !this.start) return;
    void this.transport.call('Start', {}).then((s) => (this.start = s)).catch(() => undefined);
  }

  private apply(e: Event): void {
    if (e.join) void this.joinWent(e.join);
    // Before a workspace is read, there is nothing that an event could change.
    if (this.loaded === '') return;
    if (e.info) this.setChannel(e.info);
    if (e.status) this.status = e.status;
    if (e.completeness) this.completeness = { ...this.completeness, [e.completeness.channel]: e.completeness };
    if (e.job) this.jobs = { ...this.jobs, [e.job.id]: e.job };
    switch (e.event) {
      case 'channel':
        if (e.gone && e.channel) this.channels = this.channels.filter((c) => c.id !== e.channel);
        break;
      case 'member':
        if (e.person) this.setMember(e.person);
        else void this.call('Members', {}).then((r) => (this.members = r.members)).catch(() => undefined);
        void this.countRequests();
        break;
      case 'presence':
        if (e.person) this.setMember(e.person);
        else this.members = this.members.map((m) => (m.id === e.member ? { ...m, online: !!e.online } : m));
        break;
      case 'typing':
        this.setTyping(e);
        break;
      case 'message':
        this.typing = this.typing.filter((x) => x.member !== e.message?.author_id);
        break;
      case 'settings':
        void this.call('Settings', {}).then((s) => (this.settings = { ...plainSettings, ...s })).catch(() => undefined);
        break;
    }
  }

  private async joinWent(j: JoinStatusReply): Promise<void> {
    const was = this.join?.state;
    if (this.join || this.workspace?.state === 'pending') this.join = j;
    if (was === 'pending' && j.state === 'member') await this.enter(j.workspace);
  }

  setChannel(c: Channel): void {
    const i = this.channels.findIndex((x) => x.id === c.id);
    this.channels = i < 0 ? [...this.channels, c].sort((a, b) => a.name.localeCompare(b.name)) : this.channels.with(i, c);
  }

  private setMember(m: Member): void {
    const i = this.members.findIndex((x) => x.id === m.id);
    this.members = i < 0 ? [...this.members, m].sort((a, b) => a.name.localeCompare(b.name)) : this.members.with(i, m);
  }

  private setTyping(e: Event): void {
    if (!e.member || e.member === this.workspace?.member) return;
    const now = Date.now();
    const rest = this.typing.filter((x) => x.until > now && x.member !== e.member);
    this.typing = [...rest, { channel: e.channel ?? '', thread: e.thread ?? '', member: e.member, name: e.name ?? '', until: now + 6000 }];
    setTimeout(() => (this.typing = this.typing.filter((x) => x.until > Date.now())), 6100);
  }

  /** setDraft keeps what is typed, here and on the disk. */
  setDraft(channel: string, thread: string | undefined, text: string, files: Draft['files'] = []): void {
    const key = draftKey(channel, thread);
    const rest = { ...this.drafts };
    delete rest[key];
    if (text.trim() || files.length > 0) rest[key] = { channel, ...(thread ? { thread } : {}), text, files, at: new Date().toISOString() };
    this.drafts = rest;
    const ids = files.map((f) => f.id);
    void this.call('SetDraft', { channel, text, ...(thread ? { thread } : {}), ...(ids.length ? { files: ids } : {}) }).catch(() => undefined);
  }

  async saveSettings(change: Partial<Settings>): Promise<void> {
    this.settings = { ...this.settings, ...change };
    this.settings = { ...plainSettings, ...(await this.call('SetSettings', this.settings)) };
  }
}

export const office = new Office();
