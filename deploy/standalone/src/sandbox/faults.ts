// Faults that the tests order (PUT /sandbox/faults): what real archives and networks do at bad moments, on demand.
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { answerEmpty } from './http-exchange.ts';

const applies = {
  /** Which requests: stow (store), wado (retrieve), qido (search). */
  target: z.enum(['stow', 'wado', 'qido']).default('stow'),
  /** How many such requests pass untouched first. */
  skip: z.int().min(0).default(0),
  /** How many are then affected; absent: all, until cleared. */
  times: z.int().min(1).optional(),
};

export const fault = z.discriminatedUnion('mode', [
  /** The request is read and dropped, and this status answered. */
  z.object({ mode: z.literal('status'), status: z.int().min(400).max(599), retryAfter: z.int().min(0).optional(), ...applies }),
  /** Every n-th instance of the request is not stored, with this Failure Reason (PS3.18 table I.2-2). */
  z.object({ mode: z.literal('refuse-instance'), reason: z.int().min(0).max(0xffff), every: z.int().min(1).default(1), ...applies }),
  /** The connection is reset: after so many bytes of the body (of the answer, for wado), or, without `afterBytes`, when all is done and before the answer. */
  z.object({ mode: z.literal('cut'), afterBytes: z.int().min(0).optional(), ...applies }),
  /** The body is read (written, for wado) no faster than this. */
  z.object({ mode: z.literal('slow'), bytesPerSecond: z.int().min(1), ...applies }),
  /** 200 without a body; `store`: whether the instances are kept. */
  z.object({ mode: z.literal('bare-200'), store: z.boolean().default(true), ...applies }),
  /** The request is read and never answered. */
  z.object({ mode: z.literal('hang'), ...applies }),
]);
export type Fault = z.infer<typeof fault>;
export type FaultTarget = Fault['target'];

/** The one fault in force, and how often it is still due. */
export class FaultBox {
  #fault: Fault | undefined;
  #seen = 0;

  set(next: Fault | undefined): void {
    this.#fault = next;
    this.#seen = 0;
  }

  get current(): Fault | undefined {
    return this.#fault;
  }

  /** The fault that this request meets; asked once a request. */
  meet(target: FaultTarget): Fault | undefined {
    const due = this.#fault;
    if (due === undefined || due.target !== target) return undefined;
    const place = this.#seen - due.skip;
    this.#seen += 1;
    return place >= 0 && place < (due.times ?? Number.POSITIVE_INFINITY) ? due : undefined;
  }
}

/** The bytes, as the fault lets them pass. `cut` resets the socket and ends with an error. */
export async function* throughFault(
  body: AsyncIterable<Buffer>,
  met: { fault: Fault | undefined; socket: Socket },
): AsyncGenerator<Buffer> {
  const { fault: due, socket } = met;
  let left = due?.mode === 'cut' ? (due.afterBytes ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY;
  for await (const chunk of body) {
    if (due?.mode === 'slow') await delay((chunk.length / due.bytesPerSecond) * 1000);
    if (chunk.length > left) {
      if (left > 0) yield chunk.subarray(0, left);
      cut(socket);
      throw new Error('the connection was cut by an ordered fault');
    }
    left -= chunk.length;
    yield chunk;
  }
}

/** The answer of an ordered status. */
export function answerStatus(response: ServerResponse, due: Fault & { mode: 'status' }): void {
  const headers: Record<string, string> = due.retryAfter === undefined ? {} : { 'retry-after': String(due.retryAfter) };
  answerEmpty(response, { status: due.status, headers });
}

export function cut(socket: Socket): void {
  if ('resetAndDestroy' in socket && !('encrypted' in socket)) socket.resetAndDestroy();
  else socket.destroy();
}
