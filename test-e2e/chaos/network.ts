// Machines of a cluster as network namespaces, each with an address and a cable to a router, which is this process's own namespace: a packet from one to another can be dropped there, in
// one direction or both, and neither hears of it. Needs root, and a namespace of our own (main.ts): the machine's real network is never touched.
import { type ChildProcess, type ExecFileSyncOptions, execFileSync, spawn } from 'node:child_process';
import { readlinkSync, writeFileSync } from 'node:fs';
import { until } from '../src/wait-for-fact.ts';

export interface Machine {
  readonly name: string;
  readonly address: string;
  /** Put before a command: it then runs on this machine. */
  readonly on: readonly string[];
}

/** Rules of the router that drop are asked before all others; each has a number of its own, for the same way may be dropped twice. */
const FIRST_DROPPING = 100;
const MOST_DROPPING = 800;
/** After it: whether an address is the router's own, which Linux would else decide first. */
const LOCAL = '1000';

export class Network {
  readonly #machines: ReadonlyMap<string, Machine>;
  readonly #holders: readonly ChildProcess[];
  #dropped = 0;

  private constructor(machines: ReadonlyMap<string, Machine>, holders: readonly ChildProcess[]) {
    this.#machines = machines;
    this.#holders = holders;
  }

  static async create(names: readonly string[]): Promise<Network> {
    ip('link', 'set', 'lo', 'up');
    writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
    ip('rule', 'add', 'pref', LOCAL, 'lookup', 'local');
    ip('rule', 'del', 'pref', '0');
    const holders: ChildProcess[] = [];
    const machines = new Map<string, Machine>();
    for (const [at, name] of names.entries()) {
      const holder = await holdNamespace();
      holders.push(holder);
      machines.set(name, plugIn({ name, number: at + 1, pid: holder.pid! }));
    }
    return new Network(machines, holders);
  }

  machine(name: string): Machine {
    const found = this.#machines.get(name);
    if (!found) throw new Error(`no machine ${name}`);
    return found;
  }

  /** What the first sends to the second is lost, until the returned function is called. */
  drop(from: string, to: string): () => void {
    const pref = String(FIRST_DROPPING + (this.#dropped++ % MOST_DROPPING));
    const rule = ['from', this.machine(from).address, 'to', this.machine(to).address, 'pref', pref, 'blackhole'];
    ip('rule', 'add', ...rule);
    return () => ip('rule', 'del', ...rule);
  }

  close(): void {
    for (const holder of this.#holders) holder.kill('SIGKILL');
  }
}

/** A namespace lives as long as a process in it. */
async function holdNamespace(): Promise<ChildProcess> {
  const holder = spawn('unshare', ['--net', 'sleep', 'infinity'], { stdio: 'ignore' });
  const own = readlinkSync('/proc/self/ns/net');
  await until('a network namespace', () => readlinkSync(`/proc/${holder.pid}/ns/net`) !== own);
  return holder;
}

function plugIn({ name, number, pid }: { name: string; number: number; pid: number }): Machine {
  const [cable, address, router] = [`cable${number}`, `10.99.${number}.2`, `10.99.${number}.1`];
  const on = ['nsenter', `--net=/proc/${pid}/ns/net`];
  const inside = (...words: string[]): void => void execFileSync(on[0]!, [...on.slice(1), 'ip', ...words], QUIET);
  ip('link', 'add', cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(pid));
  ip('addr', 'add', `${router}/24`, 'dev', cable);
  ip('link', 'set', cable, 'up');
  inside('link', 'set', 'lo', 'up');
  inside('addr', 'add', `${address}/24`, 'dev', 'eth0');
  inside('link', 'set', 'eth0', 'up');
  inside('route', 'add', 'default', 'via', router);
  return { name, address, on };
}

const QUIET: ExecFileSyncOptions = { stdio: ['ignore', 'ignore', 'pipe'] };
const ip = (...words: string[]): void => void execFileSync('ip', words, QUIET);
