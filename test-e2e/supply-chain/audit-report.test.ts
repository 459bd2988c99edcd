// Which findings of an audit stop a release.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type AuditReport, findingsOf, isReport } from './audit-report.ts';

const advisory = (severity: string, id: string) => ({
  source: 1,
  name: 'parser',
  title: 'reads beyond its input',
  url: `https://github.com/advisories/${id}`,
  severity,
  range: '<2.0.0',
});
const report: AuditReport = {
  auditReportVersion: 2,
  vulnerabilities: {
    parser: { via: [advisory('high', 'GHSA-1'), advisory('low', 'GHSA-2'), advisory('critical', 'GHSA-3')] },
    reader: { via: ['parser', advisory('high', 'GHSA-1')] },
  },
};
const NOW = new Date('2026-11-22');
const urls = (exceptions: Parameters<typeof findingsOf>[1]) => findingsOf(report, exceptions, NOW).map(({ url }) => url.slice(-6));

describe('the audit gate', () => {
  it('stops for each advisory of severity high or critical, once, and for no other', () => {
    assert.deepEqual(urls([]), ['GHSA-1', 'GHSA-3']);
  });

  it('lets an exception pass until its day, and not on it', () => {
    const exception = { advisory: 'https://github.com/advisories/GHSA-1', reason: 'the parser is given our own files only' };
    assert.deepEqual(urls([{ ...exception, until: '2026-11-23' }]), ['GHSA-3']);
    assert.deepEqual(urls([{ ...exception, until: '2026-11-22' }]), ['GHSA-1', 'GHSA-3']);
  });

  it('takes the error of a registry for no report', () => {
    assert.equal(isReport({ error: { code: 'E405' } }), false);
    assert.equal(isReport({}), false);
    assert.equal(isReport(report), true);
  });
});
