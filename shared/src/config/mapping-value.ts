// Endpoint rules of a hub: whether the mapping value of an instance fits one.
import type { EndpointRule } from './gateway-document-facilities.ts';
import { compilePattern } from './linear-pattern.ts';
import { wildcard } from './wildcard.ts';

type Fits = (value: string) => boolean;

const fitsOf: Record<EndpointRule['match'], (ruleValue: string) => Fits> = {
  exact: (ruleValue) => (value) => value === ruleValue,
  'ignore-case': (ruleValue) => (value) => value.toLowerCase() === ruleValue.toLowerCase(),
  wildcard,
  regex: (ruleValue) => compilePattern(ruleValue).matches,
};

/** Compiled once a rule, not once an instance: a hub may have thousands. */
const compiled = new WeakMap<EndpointRule, Fits>();

/** One way to write a value: no padding at its ends (spaces, NUL), accents composed. */
export const normalizedValue = (value: string): string => value.replace(/^[\s\0]+|[\s\0]+$/g, '').normalize('NFC');

/** What rules are asked with: the value as a whole, and each of several values joined by a backslash. Empty ones fit nothing. */
export const matchableValues = (value: string): string[] =>
  [...new Set([value, ...value.split('\\')].map(normalizedValue))].filter((one) => one !== '');

/** `values`: matchableValues, worked out once an instance, not once a rule. */
export function fitsRule(rule: EndpointRule, values: readonly string[]): boolean {
  let fits = compiled.get(rule);
  if (fits === undefined) {
    fits = fitsOf[rule.match](rule.value.normalize('NFC'));
    compiled.set(rule, fits);
  }
  return values.some(fits);
}
