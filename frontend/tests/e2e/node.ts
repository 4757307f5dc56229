import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const program = resolve(process.env.HALLWAY_BIN ?? join(here, '../../../build/bin/hallway'));

/** Node is one person's computer: a real headless node with a data directory of its own, on loopback alone. */
export class Node {
  /** web is the address of the page; it works once for each start. */
  web = '';
  private child: ChildProcess | undefined;
  private said = '';

  private constructor(private readonly data: string) {}

  /** make starts a node that has never run. */
  static async make(): Promise<Node> {
    if (!existsSync(program)) throw new Error(`${program} is not there: build it first, or name another in HALLWAY_BIN`);
    const node = new Node(await mkdtemp(join(tmpdir(), 'hallway-e2e-')));
    await node.start();
    return node;
  }

  /** start runs the node on its directory until it says that it is ready. */
  async start(): Promise<void> {
    const child = spawn(program, ['--data', this.data, 'run', '--web', '127.0.0.1:0', '--listen', '/ip4/127.0.0.1/tcp/0', '--no-discovery'], {
      env: { ...process.env, HALLWAY_NO_KEYCHAIN: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    child.stderr.on('data', (b: Buffer) => (this.said = (this.said + b.toString()).slice(-20_000)));
    this.web = await new Promise<string>((ready, failed) => {
      createInterface({ input: child.stdout }).once('line', (line) => ready((JSON.parse(line) as { web: string }).web));
      child.once('error', failed);
      child.once('exit', (code) => failed(new Error(`the node ended with ${code} before it was ready: ${this.said}`)));
    });
  }

  /** run does one command of the command line against the running node, and answers what it printed. */
  async run(...args: string[]): Promise<string> {
    const child = spawn(program, ['--data', this.data, ...args], { env: { ...process.env, HALLWAY_NO_KEYCHAIN: '1' }, stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    child.stdout.on('data', (b: Buffer) => (out += b.toString()));
    child.stderr.on('data', (b: Buffer) => (err += b.toString()));
    const code = await new Promise((done) => child.once('close', done));
    if (code !== 0) throw new Error(`hallway ${args.join(' ')} ended with ${String(code)}: ${err}`);
    return out;
  }

  /** stop ends the process as a service manager does, and waits until it is gone. */
  async stop(): Promise<void> {
    const child = this.child;
    this.child = undefined;
    if (!child || child.exitCode !== null) return;
    const gone = new Promise((done) => child.once('exit', done));
    child.kill('SIGTERM');
    await gone;
  }

  /** remove ends the process and takes its directory away. */
  async remove(): Promise<void> {
    await this.stop();
    await rm(this.data, { recursive: true, force: true });
  }

  /** log is the end of what the node wrote to standard error. */
  get log(): string {
    return this.said;
  }
}
