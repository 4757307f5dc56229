// A second reader and verifier of operations and logs, written from crdt/SPEC.md alone. It exists so that the page, not
// the Go code, is what says how Hallway's formats are; numbers in brackets are the page's sections. Ids are kept as
// lower-case hex, whose order is that of the bytes.

import { createHash, createHmac, createPublicKey, verify as verifyEd25519 } from 'node:crypto';

export type Fault = 'malformed' | 'version' | 'too-large' | 'not-authentic' | 'uncovered';

export class Refusal extends Error {
  constructor(readonly fault: Fault) {
    super(fault);
  }
}

function refuse(fault: Fault): never {
  throw new Refusal(fault);
}

export interface Header {
  type: number;
  device: string;
  log: string;
  seq: number;
  prev: string | null;
  hlc: bigint;
  epoch: string | null;
  auth: string;
  dependencies: string[];
  payloadLength: number;
  payloadHash: string;
}

export interface Op {
  header: Header;
  payload: Buffer | null;
  signature: Buffer | null;
  heads: string[];
}

export interface LiveOp extends Op {
  sameAuth: boolean;
}

export interface Segment {
  ops: Op[];
  tail: Op[];
}

export interface Branch {
  headers: Header[];
  signature: Buffer;
}

export interface Checked {
  verified: string[];
  kept: string[];
  checked: number;
  uncovered: boolean;
}

const limits = { payload: 65_536, dependencies: 8, heads: 64, ops: 64, tail: 63, seq: 2 ** 48, due: 64, branches: 4, redacted: 64 } as const;
const flag = { epoch: 1, dependencies: 2 } as const;
const mode = { payload: 1, signature: 2, sameAuth: 4, heads: 8 } as const;
const hlcMilliseconds = 1n << 48n;
const hlcCounter = 1n << 16n;

// Bytes (1)

const hex = (b: Uint8Array): string => Buffer.from(b).toString('hex');
const raw = (s: string): Buffer => Buffer.from(s, 'hex');
const isZero = (id: string): boolean => /^0*$/.test(id);

export function uvarint(value: bigint): Buffer {
  const out: number[] = [];
  for (; value >= 0x80n; value >>= 7n) out.push(Number(value & 0x7fn) | 0x80);
  out.push(Number(value));
  return Buffer.from(out);
}

function u64(value: bigint): Buffer {
  const b = Buffer.alloc(8);
  b.writeBigUInt64BE(value);
  return b;
}

function list(ids: readonly string[]): Buffer {
  return Buffer.concat([uvarint(BigInt(ids.length)), ...ids.map(raw)]);
}

class Reader {
  private at = 0;
  constructor(private readonly bytes: Buffer) {}

  take(n: number): Buffer {
    if (n > this.bytes.length - this.at) refuse('malformed');
    this.at += n;
    return Buffer.from(this.bytes.subarray(this.at - n, this.at));
  }

  byte(): number {
    return this.take(1).readUInt8();
  }

  hex(n: number): string {
    return hex(this.take(n));
  }

  uvarint(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const b = this.byte();
      value |= BigInt(b & 0x7f) << shift;
      if (value >= 1n << 64n) refuse('malformed');
      if (b < 0x80) {
        if (b === 0 && shift > 0n) refuse('malformed');
        return value;
      }
      if (shift >= 63n) refuse('malformed');
    }
  }

  /** A number that must not be above its limit. */
  number(limit: number): number {
    const value = this.uvarint();
    return value > BigInt(limit) ? refuse('too-large') : Number(value);
  }

  list(limit: number): string[] {
    const n = this.number(limit);
    const ids = Array.from({ length: n }, () => this.hex(32));
    return ascending(ids) ? ids : refuse('malformed');
  }

  /** The flags of the first byte. */
  version(known: number): number {
    const b = this.byte();
    if (b >> 4 !== 1) refuse('version');
    return (b & 0x0f & ~known) !== 0 ? refuse('malformed') : b & 0x0f;
  }

  done(): void {
    if (this.at !== this.bytes.length) refuse('malformed');
  }
}

function ascending(ids: readonly string[]): boolean {
  return ids.every((id, i) => i === 0 || (ids[i - 1] as string) < id);
}

// Hashes (2)

const sha256 = (...parts: Uint8Array[]): string => createHash('sha256').update(Buffer.concat(parts)).digest('hex');

export function hash(label: string, ...parts: Uint8Array[]): string {
  const all = [Buffer.from(label), ...parts];
  return sha256(...all.flatMap((p) => [uvarint(BigInt(p.length)), p]));
}

export const workspaceID = (genesis: Buffer): string => hash('hallway/ws/v1', genesis);
export const accessScope = (workspace: string): string => hash('hallway/scope/access/v1', raw(workspace));
export const deviceRef = (key: Buffer): string => hash('hallway/device/v1', key).slice(0, 16);
export const payloadHash = (payload: Buffer): string => hash('hallway/payload/v1', payload);
export const headsDigest = (ids: readonly string[]): string =>
  hash('hallway/heads/v1', raw([...new Set(ids)].sort().join('')));
export const opID = (h: Header): string => sha256(Buffer.from('hallway/opid/v1'), fullHeader(h));

export function logID(workspace: string, scope: string, key: Buffer, logClass: number, incarnation: string): string {
  const mac = createHmac('sha256', raw(scope));
  mac.update(Buffer.concat([Buffer.from('hallway/log/v1'), raw(workspace), key, Buffer.from([logClass]), raw(incarnation)]));
  return incarnation + mac.digest('hex').slice(0, 16);
}

export function logClass(workspace: string, scope: string, key: Buffer, log: string): number | null {
  return [1, 2, 3].find((c) => logID(workspace, scope, key, c, log.slice(0, 16)) === log) ?? null;
}

// Header (3)

const isAccess = (type: number): boolean => type >= 0x01 && type <= 0x3f;
const isKnown = (type: number): boolean =>
  (type >= 0x01 && type <= 0x21) || (type >= 0x40 && type <= 0x43) || type === 0x50 || type === 0x51;

export function fullHeader(h: Header): Buffer {
  const flags = (h.epoch === null ? 0 : flag.epoch) | (isAccess(h.type) ? flag.dependencies : 0);
  return Buffer.concat([
    Buffer.from([(1 << 4) | flags, h.type]),
    raw(h.device + h.log),
    uvarint(BigInt(h.seq)),
    raw(h.prev ?? ''),
    u64(h.hlc),
    raw((h.epoch ?? '') + h.auth),
    isAccess(h.type) ? list(h.dependencies) : Buffer.alloc(0),
    uvarint(BigInt(h.payloadLength)),
    raw(h.payloadHash),
  ]);
}

/** The rules of section 3 about fields, whatever they were read from. */
function checkFields(h: Header, flags: number): void {
  if (h.type === 0 || isAccess(h.type) !== ((flags & flag.dependencies) !== 0)) refuse('malformed');
  if (isKnown(h.type) && (h.type === 0x50) !== (h.epoch !== null)) refuse('malformed');
  if (h.epoch !== null && isZero(h.epoch)) refuse('malformed');
  if (h.prev !== null && isZero(h.prev)) refuse('malformed');
  if (h.seq > limits.seq) refuse('too-large');
}

/** Where an op stands: the fields from device to prev. */
function readPlace(r: Reader): Pick<Header, 'device' | 'log' | 'seq' | 'prev'> {
  const [device, log, seq] = [r.hex(8), r.hex(16), r.number(limits.seq)];
  return { device, log, seq, prev: seq > 0 ? r.hex(32) : null };
}

function readHeader(r: Reader): Header {
  const flags = r.version(flag.epoch | flag.dependencies);
  const type = r.byte();
  const place = readPlace(r);
  const hlc = r.take(8).readBigUInt64BE();
  const epoch = flags & flag.epoch ? r.hex(16) : null;
  const auth = r.hex(32);
  const dependencies = flags & flag.dependencies ? r.list(limits.dependencies) : [];
  const h = { type, ...place, hlc, epoch, auth, dependencies, payloadLength: r.number(limits.payload), payloadHash: r.hex(32) };
  checkFields(h, flags);
  return h;
}

function whole<T>(bytes: Buffer, read: (r: Reader) => T): T {
  const r = new Reader(bytes);
  const value = read(r);
  r.done();
  return value;
}

export const parseHeader = (bytes: Buffer): Header => whole(bytes, readHeader);

// Op (6)

function readMode(r: Reader): number {
  const m = r.byte();
  const both = mode.sameAuth | mode.heads;
  return m > 0x0f || (m & both) === both ? refuse('malformed') : m;
}

/** What op and segment write alike; auth is that of the op before, where it is left out. */
function readRest(r: Reader, flags: number, m: number, before: string): Pick<Op, 'payload' | 'signature' | 'heads'> &
  Pick<Header, 'auth' | 'dependencies' | 'payloadLength' | 'payloadHash'> {
  const auth = m & mode.sameAuth ? before : r.hex(32);
  const dependencies = flags & flag.dependencies ? r.list(limits.dependencies) : [];
  const payloadLength = r.number(limits.payload);
  if (payloadLength === 0 && !(m & mode.payload)) refuse('malformed');
  const named = m & mode.payload ? '' : r.hex(32);
  const signature = m & mode.signature ? r.take(64) : null;
  const heads = m & mode.heads ? r.list(limits.heads) : [];
  if (m & mode.heads && (heads.length === 0 || headsDigest(heads) !== auth)) refuse('malformed');
  const payload = m & mode.payload ? r.take(payloadLength) : null;
  return { auth, dependencies, payloadLength, payloadHash: payload ? payloadHash(payload) : named, signature, heads, payload };
}

/** Reads a live op; prevAuth is the auth of the op before it in the log. */
export function parseOp(bytes: Buffer, prevAuth: string): LiveOp {
  return whole(bytes, (r) => {
    const flags = r.version(flag.epoch | flag.dependencies);
    const m = readMode(r);
    const type = r.byte();
    const place = readPlace(r);
    const sameAuth = (m & mode.sameAuth) !== 0;
    if (sameAuth && place.seq === 0) refuse('malformed');
    const hlc = r.take(8).readBigUInt64BE();
    const epoch = flags & flag.epoch ? r.hex(16) : null;
    const { signature, heads, payload, ...rest } = readRest(r, flags, m, prevAuth);
    const header = { type, ...place, hlc, epoch, ...rest };
    checkFields(header, flags);
    return { header, payload, signature, heads, sameAuth };
  });
}

// Segment (7)

function readClock(r: Reader, before: bigint): bigint {
  const [ms, count] = [r.uvarint(), r.uvarint()];
  const total = (before >> 16n) + ms;
  const counter = ms === 0n ? (before & 0xffffn) + count : count;
  return total >= hlcMilliseconds || counter >= hlcCounter ? refuse('malformed') : (total << 16n) | counter;
}

function readEpoch(r: Reader, table: string[]): string {
  const place = r.uvarint();
  if (place > BigInt(table.length)) refuse('malformed');
  const known = table[Number(place)];
  if (known !== undefined) return known;
  const epoch = r.hex(16);
  if (table.includes(epoch)) refuse('malformed');
  table.push(epoch);
  return epoch;
}

function readMember(r: Reader, place: Pick<Header, 'device' | 'log' | 'seq' | 'prev'>, before: Header | null, table: string[]): Op {
  const flags = r.byte();
  if ((flags & ~(flag.epoch | flag.dependencies)) !== 0) refuse('malformed');
  const m = readMode(r);
  const type = r.byte();
  const hlc = readClock(r, before?.hlc ?? 0n);
  const epoch = flags & flag.epoch ? readEpoch(r, table) : null;
  if (m & mode.sameAuth && before === null) refuse('malformed');
  const { signature, heads, payload, ...rest } = readRest(r, flags, m, before?.auth ?? '');
  if (before !== null && !(m & mode.sameAuth) && rest.auth === before.auth) refuse('malformed');
  const header = { type, ...place, hlc, epoch, ...rest };
  checkFields(header, flags);
  return { header, payload, signature, heads };
}

export function parseSegment(bytes: Buffer): Segment {
  return whole(bytes, (r) => {
    r.version(0);
    let place = readPlace(r);
    const [n, tails] = [r.number(limits.ops), r.number(limits.tail)];
    if (n === 0) refuse('malformed');
    const table: string[] = [];
    const all: Op[] = [];
    for (let i = 0; i < n + tails; i++) {
      const op = readMember(r, place, all.at(-1)?.header ?? null, table);
      const last = i === n + tails - 1;
      if (i >= n && ((op.payload?.length ?? 0) > 0 || op.heads.length > 0 || last !== (op.signature !== null))) refuse('malformed');
      all.push(op);
      place = { ...place, seq: op.header.seq + 1, prev: opID(op.header) };
    }
    return { ops: all.slice(0, n), tail: all.slice(n) };
  });
}

// Signatures (4)

const prime = 2n ** 255n - 19n;

function power(base: bigint, exponent: bigint): bigint {
  let out = 1n;
  for (let b = base % prime; exponent > 0n; exponent >>= 1n, b = (b * b) % prime) if (exponent & 1n) out = (out * b) % prime;
  return out;
}

const modulo = (n: bigint): bigint => ((n % prime) + prime) % prime;
const divide = (n: bigint, by: bigint): bigint => (modulo(n) * power(modulo(by), prime - 2n)) % prime;
const d = divide(-121665n, 121666n);

/** The square of x at y on the curve. */
const xSquared = (y: bigint): bigint => divide(y * y - 1n, d * y * y + 1n);

/** Doubling needs only the square of x, which y gives: so it is done on y alone. */
function doubled(y: bigint): bigint {
  const x2 = xSquared(y);
  return divide(y * y + x2, 1n - d * x2 * y * y);
}

export function checkSignKey(key: Buffer): void {
  if (key.length !== 32) refuse('malformed');
  const number = BigInt('0x' + hex(Buffer.from(key).reverse()));
  const [sign, y] = [number >> 255n, number & ((1n << 255n) - 1n)];
  if (y >= prime) refuse('malformed');
  const x2 = xSquared(y);
  if (x2 === 0n ? sign !== 0n : power(x2, (prime - 1n) / 2n) !== 1n) refuse('malformed');
  if (doubled(doubled(doubled(y))) === 1n) refuse('malformed');
}

const spki = raw('302a300506032b6570032100');

function signedBy(key: Buffer, workspace: string, h: Header, signature: Buffer | null): boolean {
  if (signature === null) return false;
  const message = Buffer.concat([Buffer.from('hallway/op/v1'), raw(workspace), fullHeader(h)]);
  const publicKey = createPublicKey({ key: Buffer.concat([spki, key]), format: 'der', type: 'spki' });
  return verifyEd25519(null, message, publicKey, signature);
}

export function verifyOp(workspace: string, key: Buffer, op: Op): void {
  if (deviceRef(key) !== op.header.device || !signedBy(key, workspace, op.header, op.signature)) refuse('not-authentic');
}

// Rule AUTH (8)

const isDue = (op: Op): boolean => op.header.seq % limits.due === limits.due - 1;

/** Refuses headers that are not of this device, or do not follow each other; answers their ids. */
function linked(key: Buffer, headers: readonly Header[]): string[] {
  const ids = headers.map(opID);
  headers.forEach((h, i) => {
    if (h.device !== deviceRef(key)) refuse('not-authentic');
    const before = headers[i - 1];
    if (before === undefined) return;
    if (h.log !== before.log || h.seq !== before.seq + 1 || h.prev !== ids[i - 1] || h.hlc < before.hlc) refuse('malformed');
  });
  return ids;
}

export function checkRun(workspace: string, key: Buffer, run: Segment, next: string | null): Checked {
  const { ops, tail } = run;
  if (ops.length === 0) refuse('malformed');
  const ids = linked(key, [...ops, ...tail].map((op) => op.header));
  if (ops.some((op) => isDue(op) && op.signature === null) || tail.slice(0, -1).some(isDue)) refuse('not-authentic');

  let checked = 0;
  const check = (op: Op): void => {
    checked++;
    if (!signedBy(key, workspace, op.header, op.signature)) refuse('not-authentic');
  };
  let count = ops.length;
  let good = -1; // the op whose signature covers the run
  const proof = tail.at(-1);
  if (proof !== undefined) {
    check(proof);
  } else if (next === null || next !== ids[ops.length - 1]) {
    good = ops.findLastIndex((op) => op.signature !== null);
    count = good + 1;
    const last = ops[good];
    if (last !== undefined) check(last);
  }
  const kept: string[] = [];
  ops.slice(0, count).forEach((op, i) => {
    if (i !== good && isDue(op)) check(op);
    if (i === good || isDue(op)) kept.push(ids[i] as string);
  });
  return { verified: ids.slice(0, count), kept, checked, uncovered: count < ops.length };
}

// Forks (9)

export function parseForkProof(bytes: Buffer): [Branch, Branch] {
  return whole(bytes, (r) => {
    const branch = (): Branch => {
      const n = r.number(limits.due);
      if (n === 0) refuse('malformed');
      return { headers: Array.from({ length: n }, () => readHeader(r)), signature: r.take(64) };
    };
    return [branch(), branch()];
  });
}

/** Answers the log and seq that were forked, and the ids of the two ops there. */
export function verifyForkProof(workspace: string, key: Buffer, proof: [Branch, Branch]): { log: string; seq: number; first: string[] } {
  const first = proof.map((branch) => {
    const ids = linked(key, branch.headers);
    if (!signedBy(key, workspace, branch.headers.at(-1) as Header, branch.signature)) refuse('not-authentic');
    return ids[0] as string;
  });
  const [a, b] = proof.map((branch) => branch.headers[0]) as [Header, Header];
  if (a.log !== b.log || a.seq !== b.seq || !ascending(first)) refuse('malformed');
  return { log: a.log, seq: a.seq, first };
}

export const keptBranches = (ids: readonly string[]): string[] => [...new Set(ids)].sort().slice(0, limits.branches);

// Redaction (10)

export function parseRedaction(bytes: Buffer): { id: string; row: boolean }[] {
  return whole(bytes, (r) => {
    const targets = Array.from({ length: r.number(limits.redacted) }, () => {
      const row = r.byte();
      return row > 1 ? refuse('malformed') : { row: row === 1, id: r.hex(32) };
    });
    return targets.length > 0 && ascending(targets.map((t) => t.id)) ? targets : refuse('malformed');
  });
}
