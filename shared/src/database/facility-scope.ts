// Whose work a query is about: that of some facilities, or everything there is.

/** `all`: also what belongs to no facility (yet). */
export type FacilityScope = 'all' | readonly string[];

/** As the text[] parameter that the conditions below ask; null: all. */
export const scopeValue = (scope: FacilityScope): readonly string[] | null => (scope === 'all' ? null : scope);

/**
 * SQL: whether an instance concerns one of the facilities: its association stands for it, it was routed to it, or it waits for a person at it or between it and others.
 * `alias`: of the table; `parameter`: `$1` ...
 */
export function instanceWithin(alias: string, parameter: string): string {
  const own = `${parameter}::text[]`;
  return `(${own} IS NULL OR (${alias}.facility = ANY(${own}) OR ${alias}.facilities && ${own}
    OR ${alias}.held->>'facility' = ANY(${own}) OR ${alias}.held->'candidates' ?| ${own}) IS TRUE)`;
}

/** SQL: whether a delivery is made on behalf of one of the facilities. One that no rule asked for (a retrieval) is on nobody's behalf. */
export const deliveryWithin = (alias: string, parameter: string): string =>
  `(${parameter}::text[] IS NULL OR (${alias}.facility = ANY(${parameter}::text[])) IS TRUE)`;
