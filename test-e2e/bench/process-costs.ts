// What a program costs: processor time of its processes and their children, from /proc.
import { readdir, readFile } from 'node:fs/promises';

/** Linux reports processor time in ticks of USER_HZ, 100 a second. */
const TICK_MS = 10;

interface ProcessTimes {
  readonly parent: number;
  readonly ownMs: number;
  /** Of children that ended and were waited for. */
  readonly childrenMs: number;
}

/** User and system time of the processes and of their children, living or waited for, ms. */
export async function processorMs(pids: readonly number[]): Promise<number> {
  const all = await Promise.all((await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(timesOf));
  const found = new Map(all.filter((entry) => entry !== undefined));
  let total = 0;
  for (const [pid, { parent, ownMs, childrenMs }] of found) if (pids.includes(pid) || pids.includes(parent)) total += ownMs + childrenMs;
  return total;
}

/** Fields 4, 14, 15, 16 and 17 of proc_pid_stat(5); the name in field 2 may hold anything. */
async function timesOf(pid: string): Promise<[number, ProcessTimes] | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (stat === undefined) return undefined;
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const [parent, utime, stime, cutime, cstime] = [1, 11, 12, 13, 14].map((index) => fields[index] ?? 0) as [
    number,
    number,
    number,
    number,
    number,
  ];
  return [Number(pid), { parent, ownMs: (utime + stime) * TICK_MS, childrenMs: (cutime + cstime) * TICK_MS }];
}
