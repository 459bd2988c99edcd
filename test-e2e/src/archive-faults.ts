// How a DICOMweb archive can go wrong in the middle of STOW-RS, one entry a fault; faulty-archive.ts turns from one to the next.
import { setTimeout as pause } from 'node:timers/promises';

/** A part of a request as it arrived. */
export interface Received {
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
  readonly file: Buffer;
  /** SHA-256 of the data set. */
  readonly digest: string;
}

/** One STOW-RS request, with what an archive can do about it. */
export interface Exchange {
  /** Reads the request to its end. Rejects when the sender breaks off. */
  receive(): Promise<Received[]>;
  /** Reads so many bytes, or the request to its end, and leaves the rest. */
  read(bytes: number): Promise<void>;
  store(parts: readonly Received[]): void;
  /** The Store Instances Response Module. */
  answer(
    status: number,
    said: { readonly stored: readonly Received[]; readonly failed?: readonly Received[]; readonly reason?: number },
  ): void;
  respond(status: number, headers: Record<string, string>, body: string): void;
  /** Writes so much of an answer and cuts the connection. */
  breakOff(status: number, body: string): Promise<void>;
  /** Cuts the connection. */
  cut(): void;
}

/** What the archive did with the request: truthful means that it named what it stored, and stored it. */
export type Ending = 'truthful' | 'faulty';

const PROCESSING_FAILURE = 0xa700;
const ALREADY_STORED = 45_070;
const BYTES_BEFORE_RESET = 700;
const SLOW_BYTES = 2048;
const SLOW_BYTES_A_SECOND = 1024;
const SLOW_STEP_MS = 250;
const MOST_TOGETHER = 5;

const moduleOf = (parts: readonly Received[]): string =>
  JSON.stringify({
    '00081199': { vr: 'SQ', Value: parts.map(({ sopInstanceUid }) => ({ '00081155': { vr: 'UI', Value: [sopInstanceUid] } })) },
  });

export async function takeTruthfully(exchange: Exchange): Promise<Ending> {
  const parts = await exchange.receive();
  exchange.store(parts);
  exchange.answer(200, { stored: parts });
  return 'truthful';
}

/** What goes wrong with one request. A `lie` cannot be found out where the destination is not searched (confirm: qido). */
export const REQUEST_FAULTS = {
  /** The connection is reset at byte 700 of the request. */
  'reset-request': async (exchange) => {
    await exchange.read(BYTES_BEFORE_RESET);
    exchange.cut();
    return 'faulty';
  },
  /** It is stored, and the connection is reset in the middle of the answer. */
  'reset-answer': async (exchange) => {
    const parts = await exchange.receive();
    exchange.store(parts);
    await exchange.breakOff(200, moduleOf(parts));
    return 'faulty';
  },
  /** 503 with Retry-After in seconds. */
  unavailable: async (exchange) => {
    await exchange.receive();
    exchange.respond(503, { 'retry-after': '1' }, 'busy');
    return 'faulty';
  },
  /** 503 with Retry-After as a date. */
  'unavailable-until': async (exchange) => {
    await exchange.receive();
    exchange.respond(503, { 'retry-after': new Date(Date.now() + 2000).toUTCString() }, 'busy');
    return 'faulty';
  },
  /** 202: every other one failed. */
  'some-failed': async (exchange) => {
    const parts = await exchange.receive();
    const [stored, failed] = [parts.filter((_, n) => n % 2 === 1), parts.filter((_, n) => n % 2 === 0)];
    exchange.store(stored);
    exchange.answer(202, { stored, failed, reason: PROCESSING_FAILURE });
    return 'faulty';
  },
  /** 409: says that it has them already, which is so by now. */
  'already-stored': async (exchange) => {
    const parts = await exchange.receive();
    exchange.store(parts);
    exchange.answer(409, { stored: [], failed: parts, reason: ALREADY_STORED });
    return 'faulty';
  },
  /** 1 KB/s for two seconds. */
  slow: async (exchange) => {
    for (let read = 0; read < SLOW_BYTES; read += (SLOW_BYTES_A_SECOND * SLOW_STEP_MS) / 1000) {
      await exchange.read((SLOW_BYTES_A_SECOND * SLOW_STEP_MS) / 1000);
      await pause(SLOW_STEP_MS);
    }
    return await takeTruthfully(exchange);
  },
  /** It is stored, and the right answer comes as a web page. */
  'wrong-type': async (exchange) => {
    const parts = await exchange.receive();
    exchange.store(parts);
    exchange.respond(200, { 'content-type': 'text/html' }, moduleOf(parts));
    return 'faulty';
  },
  /** It is stored, and half of the answer comes as if it were the whole. */
  'half-answer': async (exchange) => {
    const parts = await exchange.receive();
    exchange.store(parts);
    const text = moduleOf(parts);
    exchange.respond(200, { 'content-type': 'application/dicom+json' }, text.slice(0, text.length / 2));
    return 'faulty';
  },
  /** 413 to more than five together. */
  'too-large': async (exchange) => {
    const parts = await exchange.receive();
    if (parts.length > MOST_TOGETHER) exchange.respond(413, {}, 'too large');
    else {
      exchange.store(parts);
      exchange.answer(200, { stored: parts });
    }
    return parts.length > MOST_TOGETHER ? 'faulty' : 'truthful';
  },
  /** Says that it is stored, and forgets it. */
  lie: async (exchange) => {
    exchange.answer(200, { stored: await exchange.receive() });
    return 'faulty';
  },
} satisfies Record<string, (exchange: Exchange) => Promise<Ending>>;

export type RequestFault = keyof typeof REQUEST_FAULTS;
/** What goes wrong with the server itself for a while: nobody listens; its certificate has expired; tokens given so far hold no longer. */
export const SERVER_FAULTS = ['refused', 'expired-certificate', 'token-expired'] as const;
export type ServerFault = (typeof SERVER_FAULTS)[number];
export type Fault = RequestFault | ServerFault;

/** After so many of these an instance is given up by a sender, who cannot know what they mean; none gets more than that in all. */
export const MISLEADING: ReadonlySet<Fault> = new Set(['wrong-type', 'half-answer', 'lie']);
