// What strace -f -y wrote, as calls. The order of lines is the order of events: a call's entry is seen before the kernel works on it, its end after.

export interface SystemCall {
  readonly name: string;
  /** As strace prints them, without the outer parentheses. */
  readonly arguments: string;
  /** What it returned; undefined: it never did. */
  readonly result: string | undefined;
  /** Places in the trace: what has a greater place happened later. */
  readonly entered: number;
  readonly left: number;
}

const LINE = /^(\d+) +[\d.]+ (.*)$/;
const RESUMED = /^<\.\.\. (\w+) resumed>(.*)$/;
const CALL = /^(\w+)\((.*)$/;
const ENDED = /^(.*)\) += (.*)$/;
const UNFINISHED = ' <unfinished ...>';

/** In the order in which they were entered. */
export function systemCalls(lines: readonly string[]): SystemCall[] {
  const open = new Map<string, { name: string; begun: string; entered: number }>();
  const calls: SystemCall[] = [];
  const end = (call: { name: string; entered: number }, text: string, left: number): void => {
    const [, args = text, result] = ENDED.exec(text) ?? [];
    calls.push({ name: call.name, arguments: args, result, entered: call.entered, left });
  };
  for (const [at, line] of lines.entries()) {
    const [, thread = '', what = ''] = LINE.exec(line) ?? [];
    const resumed = RESUMED.exec(what);
    const begun = CALL.exec(what);
    if (resumed && open.has(thread)) {
      const call = open.get(thread)!;
      open.delete(thread);
      end(call, call.begun + resumed[2]!, at);
    } else if (begun) {
      const [, name, rest] = begun as unknown as [string, string, string];
      if (rest.endsWith(UNFINISHED)) open.set(thread, { name, begun: rest.slice(0, -UNFINISHED.length), entered: at });
      else end({ name, entered: at }, rest, at);
    }
  }
  for (const { name, begun, entered } of open.values())
    calls.push({ name, arguments: begun, result: undefined, entered, left: Number.POSITIVE_INFINITY });
  return calls.sort((one, other) => one.entered - other.entered);
}

const ESCAPES: Record<string, number> = { n: 10, t: 9, v: 11, f: 12, r: 13, '"': 34, '\\': 92 };

/** The strings among the arguments, as the bytes they stand for. */
export function stringsIn(args: string): Buffer[] {
  return [...args.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, text]) => unescaped(text!));
}

function unescaped(text: string): Buffer {
  const bytes = [...text.matchAll(/\\([0-7]{1,3})|\\(.)|([^\\])/g)].map(([, octal, letter, plain]) => {
    if (octal !== undefined) return Number.parseInt(octal, 8);
    return letter === undefined ? plain!.charCodeAt(0) : ESCAPES[letter]!;
  });
  return Buffer.from(bytes);
}
