// Durable consumers that nobody will ask again: of a destination that left the document, of a process that was killed, of a former release. They are removed when they
// were found idle twice, a round apart. Who wants one after all makes it again.
import { describeError } from '../errors.ts';
import type { StreamName } from '../events/flow.ts';
import type { Logger } from '../logger.ts';
import type { Bus } from './bus.ts';

const ROUND_MS = 10 * 60_000;

export function removeForgottenConsumers(
  { bus, log }: { bus: Pick<Bus, 'idleConsumers' | 'removeIdleConsumer'>; log: Logger },
  { stream, everyMs = ROUND_MS }: { stream: StreamName; everyMs?: number },
): { stop(): void } {
  let idleBefore: ReadonlySet<string> = new Set();
  const round = async (): Promise<void> => {
    const idle = await bus.idleConsumers(stream);
    const forgotten = idle.filter((name) => idleBefore.has(name));
    idleBefore = new Set(idle);
    for (const name of forgotten)
      if (await bus.removeIdleConsumer(stream, name)) log.info({ stream, consumer: name }, 'forgotten consumer removed');
  };
  const timer = setInterval(() => {
    void round().catch((error: unknown) => log.debug({ stream, reason: describeError(error) }, 'forgotten consumers were not looked for'));
  }, everyMs);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}
