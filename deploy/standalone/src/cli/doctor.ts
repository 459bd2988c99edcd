// `doctor`: each thing that can be wrong, looked at from where the operator stands; a line each, with what to do.
import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { type ApiClient, ApiProblem } from './api-client.ts';
import { checkListener, type ListenerVisit } from './check-listener.ts';
import { type Call, type CliParts, type Command, Refused, TEXT, textOf, UsageProblem } from './command.ts';
import { type Finding, failed, ok, printFinding, warning } from './finding.ts';
import type { GatewayFacts, GatewayStatus, ServiceStatus } from './gateway-status.ts';
import { judgeStoredDocument, type StoredDocument } from './judge-document.ts';
import { judgeServices, judgeStatus, withOtherDocument } from './judge-status.ts';
import { moment, plural } from './wording.ts';

/** Services take a new document within 2 s: one that was just applied is given that time. */
const APPLIED_WITHIN_MS = 2_500;
const EXPIRES_SOON_MS = 14 * 86_400_000;

async function doctor(call: Call, parts: CliParts): Promise<boolean> {
  const findings: Finding[] = [];
  for await (const found of look(call, parts)) {
    findings.push(found);
    parts.output.say(printFinding(found));
  }
  const count = (level: Finding['level']): number => findings.filter((finding) => finding.level === level).length;
  parts.output.show({ findings }, () => `\n${count('ok')} ok, ${plural(count('warning'), 'warning')}, ${count('FAILED')} failed`);
  return count('FAILED') === 0;
}

/** Goes on as far as what it found allows. */
async function* look(call: Call, parts: CliParts): AsyncGenerator<Finding> {
  const { api } = parts;
  const visitor = await readVisitor(call, parts);
  const unreachable = await problemOf(api.get('/health/live'));
  if (unreachable) return yield failed(unreachable.answer.detail, unreachable.answer.whatToDo);
  yield ok(`the gateway answers at ${api.url}`);
  const refused = await problemOf(api.get('/api/session'));
  if (refused) return yield* judgeWithoutStatus(api, refused);
  yield judgeToken(parts);
  const status = await settledStatus(api).catch(problemIn);
  yield* status instanceof ApiProblem ? judgeWithoutStatus(api, status) : judgeStatus(status);
  yield* judgeDocument(await api.get<StoredDocument>('/api/configuration').catch(problemIn));
  const gateway = await api.get<GatewayFacts>('/api/gateway');
  for (const listener of gateway.listeners)
    yield* await checkListener(listener, {
      ...visitor,
      calledAe: textOf(call, 'called') ?? gateway.aeTitles[0] ?? 'CAUSEWAY',
      now: parts.now(),
    });
}

async function readVisitor(call: Call, { api, pathOf }: CliParts): Promise<Omit<ListenerVisit, 'calledAe' | 'now'>> {
  const [cert, key] = [textOf(call, 'tls-cert'), textOf(call, 'tls-key')];
  if ((cert === undefined) !== (key === undefined)) throw new UsageProblem('--tls-cert and --tls-key go together');
  const read = (path: string): Promise<string> =>
    readFile(pathOf(path), 'utf8').catch((error: NodeJS.ErrnoException) => {
      throw new Refused(`${path} cannot be read (${error.code}).`);
    });
  return {
    host: textOf(call, 'dicom-host') ?? new URL(api.url).hostname.replace(/^\[|\]$/g, ''),
    callingAe: textOf(call, 'calling') ?? 'CAUSEWAY_DOCTOR',
    client: cert === undefined ? undefined : { cert: await read(cert), key: await read(key!) },
  };
}

const problemOf = (asked: Promise<unknown>): Promise<ApiProblem | undefined> => asked.then(() => undefined, problemIn);

function problemIn(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  throw error;
}

/** Only administrators read the document. */
function* judgeDocument(stored: StoredDocument | ApiProblem): Generator<Finding> {
  if (!(stored instanceof ApiProblem)) return yield* judgeStoredDocument(stored);
  if (stored.status !== 403) throw stored;
  yield warning('the gateway document was not looked at: that takes an administrator', 'Let an administrator run the doctor.');
}

/** The status needs PostgreSQL and JetStream: while one is away, which services miss it is what there is to tell. */
async function* judgeWithoutStatus(api: ApiClient, { answer }: ApiProblem): AsyncGenerator<Finding> {
  yield failed(answer.detail, answer.whatToDo);
  yield* judgeServices(await readHealth(api));
}

/** "Not ready" comes with 503, and is an answer all the same. */
const readHealth = (api: ApiClient): Promise<{ services: Record<string, ServiceStatus> }> => api.get('/health/ready', { takes: [503] });

function judgeToken({ api, tokens, now }: CliParts): Finding {
  const kept = tokens.find(api.url);
  if (kept === undefined) return ok('the token is valid');
  const until = `the token is valid until ${moment(kept.expiresAt)}`;
  const isShort = new Date(kept.expiresAt).getTime() - now().getTime() < EXPIRES_SOON_MS;
  return isShort ? warning(until, 'Make a new one: npm run causeway -- login') : ok(until);
}

async function settledStatus(api: ApiClient): Promise<GatewayStatus> {
  const status = await api.get<GatewayStatus>('/api/status');
  if (withOtherDocument(status).length === 0) return status;
  await pause(APPLIED_WITHIN_MS);
  return api.get<GatewayStatus>('/api/status');
}

export const doctorCommands: readonly Command[] = [
  {
    name: 'doctor',
    takes: '[--dicom-host HOST] [--calling AE] [--called AE] [--tls-cert FILE --tls-key FILE]',
    help: 'checks address, token, services, document, destinations, disk, ledger, waiting work and each DICOM listener (C-ECHO); exit code 1 when one failed\n--dicom-host: where the listeners are reached [the host of --url]\n--calling CAUSEWAY_DOCTOR, --called: AE titles of the C-ECHO [the first that the gateway document names]\n--tls-cert, --tls-key: PEM files, for listeners that want a client certificate',
    options: { 'dicom-host': TEXT, calling: TEXT, called: TEXT, 'tls-cert': TEXT, 'tls-key': TEXT },
    words: [0, 0],
    run: doctor,
  },
];
