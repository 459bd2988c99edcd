// On which addresses processes listen, from /proc (proc_pid_net(5)).
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface ListeningSocket {
  readonly address: string;
  readonly port: number;
}

const LISTEN = '0A';

/** TCP sockets, IPv4 and IPv6, on which one of the processes listens. */
export function listeningSockets(pids: readonly number[]): ListeningSocket[] {
  const inodes = new Set(pids.flatMap(socketInodes));
  return ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/net/${table}`, 'utf8')
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === LISTEN && inodes.has(fields[9]!))
      .map((fields) => socketAt(fields[1]!)),
  );
}

function socketInodes(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
    } catch {
      return [];
    }
  });
}

/** `0100007F:1F90`: the address is a little endian number. */
function socketAt(text: string): ListeningSocket {
  const [address, port] = text.split(':') as [string, string];
  const bytes = Buffer.from(address, 'hex').reverse();
  return { address: address.length === 8 ? [...bytes].join('.') : address, port: Number.parseInt(port, 16) };
}
