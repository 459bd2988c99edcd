// The event that a message carries, or why it is none.
import type { JsMsg } from '@nats-io/jetstream';
import type { z } from 'zod';
import { PermanentError } from '../errors.ts';

export type ReadEvent<T> = { readonly body: unknown; readonly event: T } | { readonly body: unknown; readonly error: PermanentError };

/** The error names the places that are not of the schema, never what stands there. */
export function readEvent<T>(message: JsMsg, { stream, schema }: { stream: string; schema: z.ZodType<T> }): ReadEvent<T> {
  const body = parseJson(message);
  const parsed = schema.safeParse(body);
  if (parsed.success) return { body, event: parsed.data };
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.code}`).join('; ');
  return { body, error: new PermanentError(`message on ${stream} is not of its schema: ${problems}`) };
}

function parseJson(message: JsMsg): unknown {
  try {
    return message.json();
  } catch {
    return undefined;
  }
}
