// `status`: how the gateway does, as the page's health view shows it.
import type { Call, CliParts, Command } from './command.ts';
import type { DestinationStatus, GatewayStatus, ServiceStatus } from './gateway-status.ts';
import { plainText, printTable } from './print-table.ts';
import { age, bytes, moment, plural } from './wording.ts';

async function status(_call: Call, { api, output, now }: CliParts): Promise<boolean> {
  const answer = await api.get<GatewayStatus>('/api/status');
  output.show(answer, () => printStatus(answer, now()));
  return true;
}

export function printStatus(status: GatewayStatus, now: Date): string {
  const { revision, queues, ledger, work, destinations, disk } = status;
  const waiting = queues.filter(({ messages }) => messages > 0).map(({ stream, messages }) => `${stream} ${messages}`);
  const oldest = work.open > 0 ? `, the oldest for ${age(work.oldestOpenSeconds)}` : '';
  return [
    ...Object.entries(status.services).map(([name, service]) => serviceLine(name, service)),
    '',
    `document      ${revision === null ? 'none yet' : `revision ${revision}`}`,
    `queues        ${waiting.length === 0 ? 'empty' : waiting.join(', ')}`,
    `ledger        ${ledger.factsBehind === 0 ? 'up to date' : `${plural(ledger.factsBehind, 'fact')} behind`}`,
    `undelivered   ${work.open}${oldest}`,
    `waiting       ${work.held} held, ${work.quarantined} quarantined, ${work.failed} failed, ${work.parked} parked, ${work.conflicting} conflicting`,
    `disk          ${disk === null ? 'the store does not tell' : diskText(disk)}`,
    '',
    printTable(columnsAt(now), destinations, 'There is no destination yet.'),
  ].join('\n');
}

function serviceLine(name: string, { ready, reasons = [] }: ServiceStatus): string {
  const why = reasons.length === 0 ? '' : `: ${plainText(reasons.join('; '), 500)}`;
  return `${name.padEnd(13)} ${ready ? 'ready' : 'NOT READY'}${why}`;
}

const diskText = ({ free, total, refusedBelow }: NonNullable<GatewayStatus['disk']>): string =>
  `${bytes(free)} free of ${bytes(total)}; nothing is received below ${bytes(refusedBelow)}`;

const columnsAt = (now: Date) => [
  { title: 'destination', value: ({ id }: DestinationStatus) => id },
  { title: 'kind', value: ({ kind }: DestinationStatus) => kind ?? 'not in the document any more' },
  { title: 'state', value: ({ state }: DestinationStatus) => state },
  { title: 'queued', value: ({ queued }: DestinationStatus) => queued },
  { title: 'parked', value: ({ parked }: DestinationStatus) => parked },
  { title: 'undelivered', value: ({ open }: DestinationStatus) => open },
  { title: 'failed', value: ({ failed }: DestinationStatus) => failed },
  { title: 'oldest', value: ({ oldestDueAt }: DestinationStatus) => ageOf(oldestDueAt, now) },
  { title: 'why', value: (destination: DestinationStatus) => whyText(destination) },
];

const ageOf = (text: string | null, now: Date): string => (text === null ? '-' : age((now.getTime() - new Date(text).getTime()) / 1000));

function whyText({ state, since, reason, window, bandwidth }: DestinationStatus): string {
  const until = (text: string | null): string => (text === null ? 'always' : `until ${moment(text)}`);
  return [
    state === 'paused' ? `since ${moment(since)}: ${reason ?? 'no reason told'}` : '',
    window?.open === false ? `waits for its window, only stat work is sent ${until(window.until)}` : '',
    bandwidth?.rate ? `at most ${bandwidth.rate / 1e6} Mbit/s ${until(bandwidth.until)}` : '',
  ]
    .filter(Boolean)
    .join('; ');
}

export const statusCommands: readonly Command[] = [
  { name: 'status', takes: '', help: 'services, queues, undelivered and waiting work, destinations, disk', words: [0, 0], run: status },
];
