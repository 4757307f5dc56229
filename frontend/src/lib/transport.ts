import type { Calls, Event, File as Attachment, ProblemKind } from '../api.gen';

/** Method is the name of one method of the node's API. */
export type Method = keyof Calls;

/** Problem is what the node tells a person when something could not be done. */
export class Problem extends Error {
  constructor(readonly kind: ProblemKind | 'offline', readonly sentence: string) {
    super(sentence);
  }
}

/** Transport carries calls to a node and its events back: over HTTP here, in memory in tests. */
export interface Transport {
  call<M extends Method>(method: M, request: Calls[M][0]): Promise<Calls[M][1]>;
  /** listen gives every event since seq in order, again and again over reconnects, until the answer is called. */
  listen(since: string, onEvents: (events: Event[]) => void, onLink: (up: boolean) => void): () => void;
  fileURL(id: string, workspace: string): string;
  upload(file: Blob & { name?: string }, workspace: string, onProgress: (share: number) => void): Promise<Attachment>;
}

declare global {
  interface Window {
    /** runtime is there in the desktop window alone. */
    runtime?: {
      EventsOn(name: string, callback: (data: unknown) => void): () => void;
      EventsEmit(name: string, ...data: unknown[]): void;
      BrowserOpenURL(url: string): void;
      ClipboardSetText(text: string): Promise<boolean>;
    };
  }
}

/** parse reads a reply. Go writes an empty list as null; nothing else of ours is ever null. */
export function parse(text: string): unknown {
  return JSON.parse(text, (key, value: unknown) => (value === null ? (key === 'skipped' ? {} : []) : value));
}

async function problem(reply: Response): Promise<Problem> {
  try {
    const p = (await reply.json()) as { kind?: ProblemKind; sentence?: string };
    if (p.kind && p.sentence) return new Problem(p.kind, p.sentence);
  } catch {
    // not JSON: a proxy or a crash answered, which the line below says
  }
  return new Problem(reply.status === 401 ? 'unauthorized' : 'internal', `The node answered ${reply.status}. Try again.`);
}

/** openSession swaps the one-time token of the address for a cookie, and hides it from the address bar. */
export async function openSession(): Promise<void> {
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  if (!token) return;
  history.replaceState(null, '', location.pathname + location.search);
  await fetch('session', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ token }) });
}

/** http speaks to the node that served this page. */
export const http: Transport = {
  async call(method, request) {
    let reply: Response;
    try {
      reply = await fetch(`rpc/${method}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(request),
        // These are sent as the page closes too.
        keepalive: method === 'SetPlace' || method === 'SetDraft',
      });
    } catch {
      throw new Problem('offline', 'Hallway is not running any more on this computer. Start it again; nothing is lost.');
    }
    if (!reply.ok) throw await problem(reply);
    return parse(await reply.text()) as Calls[typeof method][1];
  },

  listen(since, onEvents, onLink) {
    return window.runtime ? listenInWindow(since, onEvents, onLink) : listenInBrowser(since, onEvents, onLink);
  },

  fileURL(id, workspace) {
    return `file/${encodeURIComponent(id)}?workspace=${encodeURIComponent(workspace)}`;
  },

  upload(file, workspace, onProgress) {
    // fetch tells nothing of an upload's progress.
    return new Promise((resolve, reject) => {
      const r = new XMLHttpRequest();
      r.open('POST', `file?workspace=${encodeURIComponent(workspace)}`);
      r.setRequestHeader('X-File-Name', encodeURIComponent(file.name || 'pasted.png'));
      r.setRequestHeader('Content-Type', 'application/octet-stream');
      r.upload.onprogress = (e) => e.lengthComputable && onProgress(e.loaded / e.total);
      r.onerror = () => reject(new Problem('unavailable', `“${file.name ?? 'The picture'}” could not be read. Choose it again.`));
      r.onload = () => {
        if (r.status < 300) resolve(parse(r.responseText) as Attachment);
        else void problem(new Response(r.responseText, { status: r.status })).then(reject);
      };
      r.send(file);
    });
  },
};

function asEvents(data: unknown): Event[] {
  const value = typeof data === 'string' ? parse(data) : parse(JSON.stringify(data));
  return Array.isArray(value) ? (value as Event[]) : [value as Event];
}

function listenInWindow(since: string, onEvents: (events: Event[]) => void, onLink: (up: boolean) => void): () => void {
  const off = window.runtime!.EventsOn('core', (data) => onEvents(asEvents(data)));
  window.runtime!.EventsEmit('core:since', since);
  onLink(true);
  return off;
}

function listenInBrowser(since: string, onEvents: (events: Event[]) => void, onLink: (up: boolean) => void): () => void {
  let last = since;
  let wait = 250;
  let ended = false;
  let socket: WebSocket | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const open = () => {
    const url = new URL('events', location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    url.searchParams.set('since', last);
    socket = new WebSocket(url);
    socket.onopen = () => onLink(true);
    socket.onmessage = (m) => {
      wait = 250;
      const events = asEvents(m.data);
      for (const e of events) if (e.seq !== '0') last = e.seq;
      onEvents(events);
    };
    socket.onclose = () => {
      if (ended) return;
      onLink(false);
      timer = setTimeout(open, wait);
      wait = Math.min(wait * 2, 8000);
    };
  };
  open();
  return () => {
    ended = true;
    clearTimeout(timer);
    socket?.close();
  };
}
