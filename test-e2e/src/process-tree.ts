// Signals to a process and everything below it: SIGSTOP to Postgres must stop its backends too, which do the work.
import { readdirSync, readFileSync } from 'node:fs';

/** The process and all its descendants, from /proc (proc_pid_stat(5)). */
export function processTree(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // It has just ended.
    }
  }
  const tree = [pid];
  for (const one of tree) for (const [child, parent] of parents) if (parent === one) tree.push(child);
  return tree;
}

/** Stopped until the returned function lets it go on. The parent first, so that it starts nothing new meanwhile. */
export function freeze(pid: number): () => void {
  process.kill(pid, 'SIGSTOP');
  const tree = processTree(pid);
  for (const one of tree) process.kill(one, 'SIGSTOP');
  return () => {
    for (const one of tree.reverse()) process.kill(one, 'SIGCONT');
  };
}
