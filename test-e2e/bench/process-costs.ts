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
  return (await processorMsOf({ all: pids })).all!;
}

/** The same for groups of processes, at one moment. */
export async function processorMsOf(groups: Readonly<Record<string, readonly number[]>>): Promise<Record<string, number>> {
  const all = await Promise.all((await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(timesOf));
  const found = all.filter((entry) => entry !== undefined);
  const totalOf = (pids: readonly number[]): number =>
    found.reduce(
      (sum, [pid, times]) => (pids.includes(pid) || pids.includes(times.parent) ? sum + times.ownMs + times.childrenMs : sum),
      0,
    );
  return Object.fromEntries(Object.entries(groups).map(([name, pids]) => [name, totalOf(pids)]));
}

/** Of all processors together since the machine started, ms: at work, and in all (first line of /proc/stat, proc_stat(5)). */
export async function machineTimes(): Promise<{ busyMs: number; allMs: number }> {
  const [line = ''] = (await readFile('/proc/stat', 'utf8')).split('\n');
  // user, nice, system, idle, iowait, irq, softirq, steal; what guests took is in user.
  const times = line.trim().split(/\s+/).slice(1, 9).map(Number);
  const [all, idle] = [times.reduce((sum, ticks) => sum + ticks, 0), times[3]! + times[4]!];
  return { busyMs: (all - idle) * TICK_MS, allMs: all * TICK_MS };
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
