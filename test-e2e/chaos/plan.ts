// The schedule of a run, drawn from its seed before anything begins: storms of faults that may overlap, each followed by a calm in which recovery is measured.
import { seededRandom } from '../../deploy/standalone/src/send/synthetic-image.ts';
import { type Exclusion, type FaultKind, FORMS, KINDS } from './fault-kinds.ts';

export interface PlannedFault {
  readonly number: number;
  readonly kind: FaultKind;
  readonly target: string;
  readonly variant?: string;
  /** From the beginning of its storm, ms. */
  readonly atMs: number;
  readonly forMs: number;
}

export interface Storm {
  readonly number: number;
  /** Two of the three nats-servers may be hit together: then there is no majority, and nothing is accepted until there is. */
  readonly severe: boolean;
  readonly faults: readonly PlannedFault[];
}

export interface ChaosPlan {
  readonly seed: number;
  readonly minutes: number;
  readonly storms: readonly Storm[];
}

export interface PlanOptions {
  readonly seed: number;
  readonly minutes: number;
  /** Only these kinds [all]. */
  readonly kinds?: readonly FaultKind[];
}

/** A storm and the calm after it, as planned; a calm lasts until what was accepted is delivered. */
const CYCLE_MS = 60_000;
const STORM_MS = 44_000;
/** Two storms have every kind once. */
const FAULTS_OF_A_STORM = 9;
/** Faults at a time. */
const MOST_TOGETHER = 2;
/** Every so many storms one is severe. */
const SEVERE_EVERY = 3;
/** What a fault that is over once it is done counts for, until what it ended runs again. */
const BRIEF_MS = 3_000;

/** The same seed and minutes: the same plan. Every kind has its turn before one has a second. */
export function planChaos({ seed, minutes, kinds = KINDS }: PlanOptions): ChaosPlan {
  const random = seededRandom(seed);
  const deck = dealing(kinds, random);
  const storms = Array.from({ length: Math.max(1, Math.round((minutes * 60_000) / CYCLE_MS)) }, (_, at) =>
    planStorm(at + 1, { deck, random }),
  );
  return { seed, minutes, storms };
}

interface Drawing {
  readonly deck: () => FaultKind;
  readonly random: () => number;
}

function planStorm(number: number, { deck, random }: Drawing): Storm {
  const faults: PlannedFault[] = [];
  const severe = number % SEVERE_EVERY === 0;
  for (let at = 0; at < FAULTS_OF_A_STORM; at++) {
    const earliest = ((at + random() * 0.8) * STORM_MS) / FAULTS_OF_A_STORM;
    faults.push(planFault({ number: (number - 1) * FAULTS_OF_A_STORM + at + 1, kind: deck(), earliest, before: faults, severe }, random));
  }
  return { number, severe, faults };
}

interface Wanted {
  readonly number: number;
  readonly kind: FaultKind;
  readonly earliest: number;
  readonly before: readonly PlannedFault[];
  readonly severe: boolean;
}

function planFault({ number, kind, earliest, before, severe }: Wanted, random: () => number): PlannedFault {
  const { targets, forMs, variants } = FORMS[kind];
  const target = pick(targets, random);
  const variant = variants && pick(variants, random);
  const lasts = Math.round(forMs[0] + random() * (forMs[1] - forMs[0]));
  const wanted = { kind, target, forMs: lasts };
  const atMs = Math.round(firstMoment(wanted, { earliest, before, severe }));
  return { number, kind, target, ...(variant === undefined ? {} : { variant }), atMs, forMs: lasts };
}

/** The first moment from `earliest` on at which no more than two last, and none that excludes this one. */
function firstMoment(
  wanted: Pick<PlannedFault, 'kind' | 'target' | 'forMs'>,
  { earliest, before, severe }: Pick<Wanted, 'earliest' | 'before' | 'severe'>,
): number {
  const moments = [earliest, ...before.map(endOf)].filter((moment) => moment >= earliest).sort((one, other) => one - other);
  return moments.find((moment) => {
    const lasting = before.filter((fault) => fault.atMs < moment + lastingMs(wanted) && endOf(fault) > moment);
    return lasting.length < MOST_TOGETHER && !lasting.some((fault) => excludes(fault, wanted, severe));
  })!;
}

export const lastingMs = ({ forMs }: Pick<PlannedFault, 'forMs'>): number => Math.max(forMs, BRIEF_MS);
const endOf = (fault: PlannedFault): number => fault.atMs + lastingMs(fault);

type Hit = Pick<PlannedFault, 'kind' | 'target'>;

/** Same target, or same kind of store, document or upgrade; except in a severe storm also two that each take a nats-server from the others. */
export function excludes(one: Hit, other: Hit, severe: boolean): boolean {
  if (one.target === other.target) return true;
  if (!severe && takesNatsServer(one) && takesNatsServer(other)) return true;
  const exclusion = exclusionOf(one);
  return exclusion !== undefined && exclusion === exclusionOf(other);
}

export const takesNatsServer = ({ kind, target }: Hit): boolean => FORMS[kind].takesNatsServer === true || target.startsWith('nats-');

/** The parts of the S3 server too, and a frozen primary. */
const exclusionOf = ({ kind, target }: Hit): Exclusion | undefined =>
  FORMS[kind].excludes ?? (target.startsWith('s3') ? 's3' : target === 'postgres' ? 'postgres' : undefined);

/** Deals all kinds in an order of their own, then all of them again. */
function dealing(kinds: readonly FaultKind[], random: () => number): () => FaultKind {
  let left: FaultKind[] = [];
  return () => {
    if (left.length === 0) left = shuffled(kinds, random);
    return left.pop()!;
  };
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const keyed = items.map((item) => ({ item, key: random() }));
  return keyed.sort((one, other) => one.key - other.key).map(({ item }) => item);
}

const pick = <T>(items: readonly T[], random: () => number): T => items[Math.floor(random() * items.length)]!;

/** One line a fault, for whoever wants to have the run again. */
export function planLines({ storms }: ChaosPlan): string[] {
  return storms.flatMap(({ number, faults }) =>
    faults.map(
      ({ number: fault, kind, target, variant, atMs, forMs }) =>
        `storm ${number} +${(atMs / 1000).toFixed(1).padStart(5)} s  #${fault} ${kind} ${target}${variant === undefined ? '' : ` (${variant})`}` +
        (forMs === 0 ? '' : ` for ${(forMs / 1000).toFixed(1)} s`),
    ),
  );
}
