// What of a child's log is worth a line on the terminal.

const LOUD = new Set(['warn', 'error', 'fatal']);
/** nats-server: `[pid] date [ERR] text`; Postgres: `date [pid] PANIC:  text`. Its FATAL is only a refused connection. */
const FOREIGN = /\[(?:ERR|FTL)\] (.+)|\bPANIC: +(.+)/;
const MOST_CHARACTERS = 240;

/** One short line for a warning or an error (a service's JSON, or a server's own format); undefined for everything else. */
export function shortLine(line: string): string | undefined {
  const text = line.startsWith('{') ? ofService(line) : ofServer(line);
  return text?.slice(0, MOST_CHARACTERS);
}

function ofService(line: string): string | undefined {
  try {
    const { level, message, reason, problem, because, detail } = JSON.parse(line) as Record<string, unknown>;
    if (!LOUD.has(String(level))) return undefined;
    const why = reason ?? problem ?? because ?? detail;
    return why === undefined || String(message).includes(String(why)) ? String(message) : `${message}: ${why}`;
  } catch {
    return undefined;
  }
}

function ofServer(line: string): string | undefined {
  const found = FOREIGN.exec(line);
  return found?.[1] ?? found?.[2];
}
