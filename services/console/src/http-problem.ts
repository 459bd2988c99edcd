// Every answer that is not a success: what it is, what exactly happened, what to do. Never a stack, a value of a query, or a password.

import { PermanentError, TransientError } from '@causeway/shared/errors';
import type { Logger } from '@causeway/shared/logger';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';

export interface ProblemAnswer {
  readonly error: string;
  readonly detail: string;
  readonly whatToDo: string;
  /** Of a gateway document: every problem in it. */
  readonly problems?: readonly { path: string; value?: string; problem: string }[];
}

/** Thrown by a route; becomes the answer. */
export class HttpProblem extends Error {
  override readonly name = 'HttpProblem';
  readonly statusCode: number;
  readonly answer: ProblemAnswer;
  readonly retryAfterSeconds?: number;
  constructor(statusCode: number, answer: ProblemAnswer, retryAfterSeconds?: number) {
    super(answer.detail);
    this.statusCode = statusCode;
    this.answer = answer;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

export const notFound = (what: string): HttpProblem =>
  new HttpProblem(404, {
    error: 'not-found',
    detail: `${what} is not known.`,
    whatToDo: 'Check the address; the ledger may be a moment behind.',
  });

/** Parses what came from outside; throws a 400 that names each field. */
export function parsed<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value ?? {});
  if (result.success) return result.data;
  const detail = result.error.issues.map((issue) => `${issue.path.join('.') || 'the request'}: ${issue.message}`).join('; ');
  throw new HttpProblem(400, { error: 'bad-request', detail, whatToDo: 'Correct the named fields and send the request again.' });
}

export function answerProblem(log: Logger) {
  return (error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply): void => {
    const problem = problemOf(error);
    // The route's pattern, not its address: a search in it may be a patient's name.
    const where = { method: request.method, route: request.routeOptions.url };
    if (problem.statusCode === 503) log.warn({ ...where, reason: error.message }, 'request answered 503');
    else if (problem.statusCode >= 500)
      log.error({ ...where, status: problem.statusCode, reason: error.message, stack: stackOf(error) }, 'request failed');
    if (problem.retryAfterSeconds !== undefined) void reply.header('retry-after', problem.retryAfterSeconds);
    void reply.code(problem.statusCode).send(problem.answer);
  };
}

function problemOf(error: FastifyError | Error): HttpProblem {
  if (error instanceof HttpProblem) return error;
  if (error instanceof TransientError) {
    const answer = {
      error: 'unavailable',
      detail: `Not possible right now: ${error.message}.`,
      whatToDo:
        'Receiving and delivering images does not depend on it. Try again in a moment; if it stays, look at the health of the services.',
    };
    return new HttpProblem(503, answer, 5);
  }
  const status = 'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : 500;
  if (status >= 400 && status < 500)
    return new HttpProblem(status, { error: 'bad-request', detail: error.message, whatToDo: 'Correct the request and send it again.' });
  const answer = {
    error: 'internal',
    detail: 'The console failed at this request.',
    whatToDo: 'Look at the log of the console; report it with the time.',
  };
  return new HttpProblem(500, answer);
}

/** The stack of an error of the program helps; that of a known failure does not. */
const stackOf = (error: Error): string | undefined =>
  error instanceof TransientError || error instanceof PermanentError || error instanceof HttpProblem ? undefined : error.stack;
