// Reads the report of `npm audit --json` (auditReportVersion 2).

interface Advisory {
  readonly source: number;
  readonly name: string;
  readonly title: string;
  readonly url: string;
  readonly severity: string;
  readonly range: string;
}

export interface AuditReport {
  readonly auditReportVersion: 2;
  /** By package; `via`: advisories of the package itself, or names of packages that it is vulnerable by. */
  readonly vulnerabilities: Readonly<Record<string, { readonly via: readonly (Advisory | string)[] }>>;
}

/** `advisory`: its address; `until`: the day from which it is no exception any more. */
export interface Exception {
  readonly advisory: string;
  readonly reason: string;
  readonly until: string;
}

export const isReport = (answer: unknown): answer is AuditReport =>
  typeof answer === 'object' && answer !== null && 'auditReportVersion' in answer && answer.auditReportVersion === 2;

/** Advisories of severity high or critical that no exception covers at this time, each once. */
export function findingsOf(report: AuditReport, exceptions: readonly Exception[], now: Date): Advisory[] {
  const excepted = new Set(exceptions.filter(({ until }) => now < new Date(until)).map(({ advisory }) => advisory));
  const advisories = Object.values(report.vulnerabilities).flatMap(({ via }) =>
    via.filter((one): one is Advisory => typeof one === 'object'),
  );
  const bad = advisories.filter(({ severity, url }) => ['high', 'critical'].includes(severity) && !excepted.has(url));
  return [...new Map(bad.map((advisory) => [advisory.url, advisory])).values()];
}

export const describeFinding = ({ severity, name, range, title, url }: Advisory): string =>
  `${severity}: ${name} ${range}: ${title} (${url})`;
