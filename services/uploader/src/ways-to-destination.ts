// How a destination is reached, by its kind and by what it has to confirm with: the sender, what tries a batch, and what waits for commitments.
import type { AskedCommitments } from '@causeway/shared/bus/asked-commitments';
import type { Bus } from '@causeway/shared/bus/bus';
import type { Logger } from '@causeway/shared/logger';
import { takeCommitmentReport } from '@causeway/shared/take-commitment-report';
import { AwaitedCommitments } from './awaited-commitments.ts';
import { CommitmentAttempts } from './commitment-attempts.ts';
import type { CommitmentHints } from './commitment-hints.ts';
import type { Attempts } from './delivery-attempt.ts';
import { type CallingTitles, callingAeFor, type DestinationSettings, type DimseSettings } from './destination-settings.ts';
import { createDimseSender, type DimseParts } from './dimse-client.ts';
import type { Sender } from './sender.ts';
import { createStowSender } from './stow-client.ts';

/** What all destinations with storage commitment share. `replica`: this process. */
export interface CommitmentServices {
  readonly asked: AskedCommitments;
  readonly hints: CommitmentHints;
  readonly replica: string;
}

export interface WaysParts extends Omit<DimseParts, 'titles' | 'eventReported'> {
  readonly commitment: CommitmentServices;
  readonly bus: Pick<Bus, 'publishFact'>;
  readonly log: Logger;
  readonly random: () => number;
  readonly attemptsBy: (sender: Sender) => Attempts;
}

export interface Ways {
  readonly sender: Sender;
  readonly attempts: Pick<Attempts, 'send'>;
  readonly commitments: AwaitedCommitments | undefined;
}

export function waysTo(settings: DestinationSettings, titles: CallingTitles, parts: WaysParts): Ways {
  if (settings.kind === 'dimse' && settings.confirm === 'storage-commitment') return committingWays(settings, titles, parts);
  const sender = settings.kind === 'stow' ? createStowSender(settings, parts) : createDimseSender(settings, { ...parts, titles });
  return { sender, attempts: parts.attemptsBy(sender), commitments: undefined };
}

function committingWays(settings: DimseSettings, titles: CallingTitles, parts: WaysParts): Ways {
  const { asked, hints, replica } = parts.commitment;
  const { bus, log, clock, random } = parts;
  const sender = createDimseSender(settings, {
    ...{ ...parts, titles },
    eventReported: (request) => takeCommitmentReport({ asked, log }, settings.calledAe, request),
  });
  const attempts = new CommitmentAttempts({
    ...{ asked, settings, replica, attempts: parts.attemptsBy(sender), now: clock.now },
    request: (request) => sender.requestCommitment(request),
    callingAeOf: (delivery) => callingAeFor(settings, titles, delivery),
  });
  return { sender, attempts, commitments: new AwaitedCommitments({ asked, hints, bus, settings, clock, random }) };
}
