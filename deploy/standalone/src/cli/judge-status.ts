// The doctor's judgement of what the gateway tells of itself: services, document, destinations, disk, ledger, queues, waiting work.
import { type Finding, failed, ok, warning } from './finding.ts';
import type { DestinationStatus, GatewayStatus } from './gateway-status.ts';
import { age, bytes, moment, plural } from './wording.ts';

/** A day's tail of work; the ledger writes thousands a second. */
const MANY_FACTS_BEHIND = 10_000;
/** Delivering takes minutes; an hour means that something does not move. */
const LONG_UNDELIVERED_SECONDS = 3_600;
const NEARLY_FULL = 0.8;
/** Free space against the mark below which nothing is received. */
const LITTLE_SPACE = 2;

export function judgeStatus(status: GatewayStatus): Finding[] {
  return [
    ...judgeServices(status),
    judgeDocument(status),
    ...judgeDestinations(status.destinations),
    judgeDisk(status.disk),
    judgeLedger(status.ledger.factsBehind),
    judgeQueues(status.queues),
    ...judgeWork(status.work),
  ];
}

/** As /health/ready tells them too, without a token. */
export function judgeServices({ services }: Pick<GatewayStatus, 'services'>): Finding[] {
  const entries = Object.entries(services);
  const findings = entries.flatMap(([name, { ready, reasons = [] }]): Finding[] => {
    if (!ready) return [failed(`${name} is not ready: ${reasons.join('; ') || 'it does not say why'}`, whatToDoFor(name))];
    return reasons.length > 0 ? [warning(`${name}: ${reasons.join('; ')}`, whatToDoFor(name))] : [];
  });
  const ready = entries.filter(([, service]) => service.ready).map(([name]) => name);
  return ready.length === entries.length ? [ok(`every service is ready: ${ready.join(', ')}`), ...findings] : findings;
}

const whatToDoFor = (name: string): string =>
  name === 'configuration'
    ? 'Correct the file of CAUSEWAY_CONFIG: npm run causeway -- config validate FILE. The last good document stays in force.'
    : `Look at its log (data/log/${name}.log where npm start runs it); it is started again by itself when it ended.`;

/** Services whose document is not the one in force; those that are not ready are told as such. */
export function withOtherDocument({ services, revision }: GatewayStatus): [name: string, revision: number | undefined][] {
  const others = Object.entries(services).filter(
    ([name, service]) => name !== 'configuration' && service.ready && service.revision !== revision,
  );
  return others.map(([name, service]) => [name, service.revision]);
}

function judgeDocument(status: GatewayStatus): Finding {
  const { revision } = status;
  if (revision === null) return failed('there is no gateway document', 'Apply one: npm run causeway -- config apply FILE');
  const others = withOtherDocument(status).map(([name, other]) => `${name} works by ${other === undefined ? 'none' : `revision ${other}`}`);
  if (others.length === 0) return ok(`revision ${revision} of the gateway document is in force in every service`);
  return failed(
    `revision ${revision} is in force, but ${others.join(', ')}`,
    'Look at the log of that service: it says why it did not take the document.',
  );
}

function judgeDestinations(destinations: readonly DestinationStatus[]): Finding[] {
  const findings = destinations.flatMap(({ id, kind, state, since, reason, open, queued }): Finding[] => {
    const work = `${plural(Math.max(open, queued), 'delivery', 'deliveries')} waiting`;
    if (kind === null)
      return [
        warning(
          `destination ${id} is not in the gateway document any more (${work})`,
          `Give it back by config apply, or give its deliveries up.`,
        ),
      ];
    if (state === 'open') return [];
    return [
      failed(
        `destination ${id} is paused since ${moment(since)}: ${reason ?? 'no reason told'} (${work})`,
        'Mend the archive or the way to it: it is tried again by itself, and nothing is lost meanwhile.',
      ),
    ];
  });
  const open = destinations.filter(({ kind, state }) => kind !== null && state === 'open').map(({ id }) => id);
  return [...(open.length > 0 ? [ok(`destinations open: ${open.join(', ')}`)] : []), ...findings];
}

function judgeDisk(disk: GatewayStatus['disk']): Finding {
  if (disk === null) return ok('free space: the object store does not tell');
  const { free, total, refusedBelow } = disk;
  const space = `${bytes(free)} of ${bytes(total)} free, nothing is received below ${bytes(refusedBelow)}`;
  const whatToDo =
    'Make room on the disk of the data folder. Causeway deletes an object only after every delivery is confirmed and its retention is over.';
  if (free < refusedBelow) return failed(`disk: ${space}`, whatToDo);
  return free < LITTLE_SPACE * refusedBelow ? warning(`disk: ${space}`, whatToDo) : ok(`disk: ${space}`);
}

function judgeLedger(factsBehind: number): Finding {
  if (factsBehind <= MANY_FACTS_BEHIND)
    return ok(factsBehind === 0 ? 'the ledger is up to date' : `the ledger is ${plural(factsBehind, 'fact')} behind`);
  return warning(
    `the ledger is ${plural(factsBehind, 'fact')} behind: page and lists show what was`,
    'Ask again in a minute; if it grows, look at the ledger and at PostgreSQL. Images travel on without it.',
  );
}

function judgeQueues(queues: GatewayStatus['queues']): Finding {
  const full = queues.filter(({ messages, most }) => messages >= NEARLY_FULL * most);
  if (full.length === 0) return ok(`queues: ${queues.reduce((sum, { messages }) => sum + messages, 0)} messages`);
  const named = full.map(({ stream, messages, most }) => `${stream} has ${messages} of ${most}`).join(', ');
  return failed(`queues are nearly full: ${named}`, 'What takes from them is too slow or down: a full one refuses new images (A700).');
}

function judgeWork(work: GatewayStatus['work']): Finding[] {
  const { held, quarantined, failed: given, open, oldestOpenSeconds } = work;
  const findings: Finding[] = [];
  if (held > 0)
    findings.push(
      warning(`${plural(held, 'instance')} held: no rule says where they belong`, 'npm run causeway -- hold list, then hold assign'),
    );
  if (quarantined > 0)
    findings.push(
      warning(`${plural(quarantined, 'instance')} quarantined: a step refused them`, 'npm run causeway -- hold list, then hold release'),
    );
  if (given > 0)
    findings.push(
      warning(`${plural(given, 'delivery', 'deliveries')} failed for good`, 'npm run causeway -- deliveries list, then deliveries retry'),
    );
  findings.push(...judgeStudies(work));
  if (open > 0 && oldestOpenSeconds > LONG_UNDELIVERED_SECONDS)
    findings.push(
      warning(`the oldest delivery waits for ${age(oldestOpenSeconds)}`, 'npm run causeway -- deliveries list --state retrying'),
    );
  return findings.length > 0 ? findings : [ok('nothing is held, quarantined or failed')];
}

function judgeStudies({ conflicting, flagged, incomplete }: GatewayStatus['work']): Finding[] {
  const [findings, studies]: [Finding[], string] = [[], 'The page shows what they say.'];
  if (flagged > 0)
    findings.push(
      warning(`${plural(flagged, 'study', 'studies')} with instances that disagree about the patient or their endpoints`, studies),
    );
  if (incomplete > 0)
    findings.push(
      warning(
        `${plural(incomplete, 'study', 'studies')} may be incomplete: the last association broke off, and nothing came since`,
        'Send them again from the modality; the page shows which.',
      ),
    );
  if (conflicting > 0)
    findings.push(
      warning(`${plural(conflicting, 'SOP Instance UID')} received with other content`, 'The page shows them with their study.'),
    );
  return findings;
}
