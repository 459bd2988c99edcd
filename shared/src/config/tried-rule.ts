// What an explanation says of each rule. The functions that decide tell it themselves while they decide, so that it cannot differ from the decision.

/** In the order in which an instance meets them. `loop`: whether we sent it ourselves. `hub`: a hub's own copy, its endpoint rules and what follows a study. */
export const RULE_KINDS = ['facility', 'lane', 'compression', 'loop', 'hub', 'destination'] as const;

export interface TriedRule {
  readonly kind: (typeof RULE_KINDS)[number];
  /** As configured: no value of an instance. */
  readonly rule: string;
  /** It decided, alone or with others. A rule that fits and came too late did not. */
  readonly applied: boolean;
  /** May repeat values of the instance: for the signed-in operator, never stored, logged or counted. */
  readonly because: string;
}

/** Called for each rule, in order. Absent: nobody asks, and nothing is worked out for it. */
export type Tell = (tried: TriedRule) => void;

const MOST_VALUE_CHARACTERS = 200;

/** A value as an explanation shows it. */
export const shownValue = (value: string | undefined): string =>
  value === undefined ? 'not given' : JSON.stringify(value.slice(0, MOST_VALUE_CHARACTERS));
