import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import * as crdt from './crdt.ts';

// The vectors of crdt/testdata/vectors, as the README there describes them.

interface Input {
  bytes?: string;
  prev_auth?: string;
  workspace?: string;
  scope?: string;
  sign_key?: string;
  segment?: string;
  ops?: string[];
  tail?: string[];
  next?: string;
  class?: number;
  incarnation?: string;
  log?: string;
  ids?: string[];
  label?: string;
  parts?: string[];
}

interface Vector {
  kind: string;
  input: Input;
  want: Record<string, unknown>;
}

const directory = fileURLToPath(new URL('../../crdt/testdata/vectors/', import.meta.url));
const noAuth = '00'.repeat(32);

/** What a vector of this kind cannot do without. */
function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the vector lacks an input');
  return value;
}

const bytes = (hex: string | undefined): Buffer => Buffer.from(must(hex), 'hex');
const hexOf = (b: Buffer | null): string | null => (b === null ? null : b.toString('hex'));

function headerFields(h: crdt.Header): Record<string, unknown> {
  return {
    type: h.type, device: h.device, log: h.log, seq: h.seq, prev: h.prev, hlc: h.hlc.toString(16).padStart(16, '0'),
    epoch: h.epoch, auth: h.auth, dependencies: h.dependencies, payload_length: h.payloadLength,
    payload_hash: h.payloadHash, id: crdt.opID(h),
  };
}

const cargo = (op: crdt.Op): Record<string, unknown> => ({
  signature: hexOf(op.signature), payload: hexOf(op.payload), heads: op.heads,
});

const members = (ops: crdt.Op[]): unknown[] => ops.map((op) => ({ id: crdt.opID(op.header), ...cargo(op) }));

function runOp(i: Input): Record<string, unknown> {
  const op = crdt.parseOp(bytes(i.bytes), i.prev_auth ?? noAuth);
  if (i.sign_key !== undefined) crdt.verifyOp(must(i.workspace), bytes(i.sign_key), op);
  return { ...headerFields(op.header), ...cargo(op), same_auth: op.sameAuth };
}

function runChain(i: Input): Record<string, unknown> {
  const live = (ops: string[] | undefined): crdt.Op[] => (ops ?? []).map((op) => crdt.parseOp(bytes(op), noAuth));
  const run = i.segment === undefined ? { ops: live(i.ops), tail: live(i.tail) } : crdt.parseSegment(bytes(i.segment));
  const { uncovered, ...rest } = crdt.checkRun(must(i.workspace), bytes(i.sign_key), run, i.next ?? null);
  return uncovered ? { ...rest, error: 'uncovered' } : rest;
}

const kinds: Record<string, (i: Input) => Record<string, unknown>> = {
  header: (i) => headerFields(crdt.parseHeader(bytes(i.bytes))),
  op: runOp,
  segment: (i) => {
    const s = crdt.parseSegment(bytes(i.bytes));
    return { ops: members(s.ops), tail: members(s.tail) };
  },
  chain: runChain,
  forkproof: (i) => crdt.verifyForkProof(must(i.workspace), bytes(i.sign_key), crdt.parseForkProof(bytes(i.bytes))),
  branches: (i) => ({ kept: crdt.keptBranches(must(i.ids)) }),
  redact: (i) => ({ targets: crdt.parseRedaction(bytes(i.bytes)) }),
  logid: (i) => ({ log: crdt.logID(must(i.workspace), must(i.scope), bytes(i.sign_key), must(i.class), must(i.incarnation)) }),
  logclass: (i) => ({ class: crdt.logClass(must(i.workspace), must(i.scope), bytes(i.sign_key), must(i.log)) }),
  heads: (i) => ({ auth: crdt.headsDigest(must(i.ids)) }),
  workspace: (i) => {
    const workspace = crdt.workspaceID(bytes(i.bytes));
    return { workspace, access_scope: crdt.accessScope(workspace) };
  },
  device: (i) => ({ device: crdt.deviceRef(bytes(i.sign_key)) }),
  signkey: (i) => {
    crdt.checkSignKey(bytes(i.sign_key));
    return {};
  },
  hash: (i) => ({ hash: crdt.hash(must(i.label), ...must(i.parts).map(bytes)) }),
};

function outcome(v: Vector): Record<string, unknown> {
  const run = kinds[v.kind];
  if (run === undefined) throw new Error(`no such kind: ${v.kind}`);
  try {
    return run(v.input);
  } catch (fault) {
    if (fault instanceof crdt.Refusal) return { error: fault.fault };
    throw fault;
  }
}

describe('the vectors of crdt, by a reader written from its specification', () => {
  const files = readdirSync(directory).filter((name) => name.endsWith('.json'));

  it('are there, over half of them failures', () => {
    const failures = files.filter((name) => readFileSync(directory + name, 'utf8').includes('"error"'));
    expect(files.length).toBeGreaterThanOrEqual(60);
    expect(failures.length * 2).toBeGreaterThan(files.length);
  });

  it.each(files)('%s', (name) => {
    const vector = JSON.parse(readFileSync(directory + name, 'utf8')) as Vector;
    expect(outcome(vector)).toEqual(vector.want);
  });
});
