import { afterEach, expect, it, vi } from 'vitest';
import { http, Problem } from './transport';

afterEach(() => vi.unstubAllGlobals());

it('posts a call and reads the answer', async () => {
  const fetch = vi.fn(() => Promise.resolve(new Response('{"channels":null}')));
  vi.stubGlobal('fetch', fetch);
  expect(await http.call('Channels', { workspace: 'w' })).toEqual({ channels: [] });
  expect(fetch).toHaveBeenCalledWith('rpc/Channels', expect.objectContaining({ method: 'POST', body: '{"workspace":"w"}' }));
});

it('hands on what the node says is wrong', async () => {
  vi.stubGlobal('fetch', () => Promise.resolve(new Response('{"kind":"too_large","sentence":"Too large."}', { status: 413 })));
  await expect(http.call('Channels', {})).rejects.toMatchObject({ kind: 'too_large', sentence: 'Too large.' });
});

it('says so when the node is gone, or answers with something else', async () => {
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('failed')));
  await expect(http.call('Channels', {})).rejects.toMatchObject({ kind: 'offline' });
  vi.stubGlobal('fetch', () => Promise.resolve(new Response('<html>', { status: 502 })));
  const fault = await http.call('Channels', {}).catch((e: unknown) => e);
  expect(fault).toBeInstanceOf(Problem);
  expect(fault).toMatchObject({ kind: 'internal' });
});

it('in the window, asks for events since the last it saw, and takes them as text or as objects', () => {
  const emitted: unknown[][] = [];
  let hear: (data: unknown) => void = () => undefined;
  vi.stubGlobal('window', {
    runtime: {
      EventsOn: (_: string, f: (data: unknown) => void) => ((hear = f), () => undefined),
      EventsEmit: (...data: unknown[]) => void emitted.push(data),
    },
  });
  const got: string[] = [];
  http.listen('41', (events) => got.push(...events.map((e) => e.seq)), () => undefined);
  expect(emitted).toEqual([['core:since', '41']]);
  hear('[{"seq":"42","event":"sync"},{"seq":"43","event":"sync"}]');
  hear({ seq: '44', event: 'sync' });
  expect(got).toEqual(['42', '43', '44']);
});

it('in a browser, comes back after a break from where it was', () => {
  vi.useFakeTimers();
  const made: { url: URL; onmessage?: (m: { data: string }) => void; onclose?: () => void }[] = [];
  class Socket {
    constructor(readonly url: URL) {
      made.push(this);
    }
    close() {}
  }
  vi.stubGlobal('WebSocket', Socket);
  vi.stubGlobal('window', {});
  vi.stubGlobal('location', { href: 'http://127.0.0.1:4801/' });
  const links: boolean[] = [];
  const stop = http.listen('7', () => undefined, (up) => links.push(up));
  expect(String(made[0]!.url)).toBe('ws://127.0.0.1:4801/events?since=7');
  made[0]!.onmessage!({ data: '{"seq":"9","event":"sync"}' });
  made[0]!.onmessage!({ data: '{"seq":"0","event":"typing"}' });
  made[0]!.onclose!();
  expect(links).toEqual([false]);
  vi.advanceTimersByTime(300);
  expect(String(made[1]!.url)).toBe('ws://127.0.0.1:4801/events?since=9');
  stop();
  made[1]!.onclose!();
  vi.advanceTimersByTime(60_000);
  expect(made.length).toBe(2);
  vi.useRealTimers();
});
