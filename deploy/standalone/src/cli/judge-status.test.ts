// The doctor's judgement, one thing wrong at a time.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { printFinding } from './finding.ts';
import type { GatewayStatus } from './gateway-status.ts';
import { judgeStoredDocument } from './judge-document.ts';
import { judgeStatus } from './judge-status.ts';
import { printStatus } from './status.ts';

const GIB = 1024 ** 3;
const NOW = new Date('2026-01-05T12:00:00Z');
const destination = {
  id: 'cloud',
  kind: 'stow',
  state: 'open',
  since: null,
  reason: null,
  queued: 0,
  open: 0,
  parked: 0,
  window: null,
  bandwidth: null,
  failed: 0,
  oldestDueAt: null,
} as const;
const well: GatewayStatus = {
  ready: true,
  services: { receiver: { ready: true, revision: 4 }, router: { ready: true, revision: 4 }, configuration: { ready: true } },
  revision: 4,
  queues: [{ stream: 'RECEIVED', messages: 3, bytes: 900, most: 1_000_000 }],
  ledger: { factsBehind: 0 },
  work: { held: 0, quarantined: 0, failed: 0, open: 2, parked: 0, conflicting: 0, flagged: 0, incomplete: 0, oldestOpenSeconds: 4 },
  destinations: [destination],
  disk: { free: 100 * GIB, total: 200 * GIB, refusedBelow: 10 * GIB },
};

describe('judgeStatus', () => {
  test('a gateway that is well is ok in every line', () => {
    assert.deepEqual([...new Set(judgeStatus(well).map(({ level }) => level))], ['ok']);
    assert.match(
      judgeStatus({ ...well, disk: null })
        .map(({ what }) => what)
        .join('\n'),
      /the object store does not tell/,
    );
  });

  const receiverAt = (service: GatewayStatus['services'][string]) => ({ services: { ...well.services, receiver: service } });
  const work = (changed: Partial<GatewayStatus['work']>) => ({ work: { ...well.work, ...changed } });
  const wrong: [title: string, changed: Partial<GatewayStatus>, level: 'warning' | 'FAILED', what: RegExp][] = [
    [
      'a service that is not ready',
      receiverAt({ ready: false, reasons: ['store: ENOSPC'] }),
      'FAILED',
      /^receiver is not ready: store: ENOSPC$/,
    ],
    [
      'a wrong file of the document',
      { services: { ...well.services, configuration: { ready: true, reasons: ['the file is wrong'] } } },
      'warning',
      /the file is wrong/,
    ],
    [
      'a service with an older document',
      receiverAt({ ready: true, revision: 3 }),
      'FAILED',
      /^revision 4 is in force, but receiver works by revision 3$/,
    ],
    ['a service without a document', receiverAt({ ready: true }), 'FAILED', /receiver works by none/],
    ['no document at all', { revision: null }, 'FAILED', /there is no gateway document/],
    [
      'a paused destination',
      { destinations: [{ ...destination, state: 'paused', since: NOW.toISOString(), reason: 'ECONNREFUSED', queued: 7 }] },
      'FAILED',
      /cloud is paused since .*: ECONNREFUSED \(7 deliveries waiting\)/,
    ],
    [
      'work for a destination that was removed',
      { destinations: [{ ...destination, kind: null, open: 1 }] },
      'warning',
      /cloud is not in the gateway document any more \(1 delivery waiting\)/,
    ],
    ['a disk below its mark', { disk: { free: 9 * GIB, total: 200 * GIB, refusedBelow: 10 * GIB } }, 'FAILED', /9\.0 GiB of 200 GiB free/],
    ['a disk near its mark', { disk: { free: 19 * GIB, total: 200 * GIB, refusedBelow: 10 * GIB } }, 'warning', /19\.0 GiB/],
    ['a ledger that lags', { ledger: { factsBehind: 10_001 } }, 'warning', /10001 facts behind/],
    [
      'a queue that is nearly full',
      { queues: [{ stream: 'READY', messages: 800_000, bytes: 1, most: 1_000_000 }] },
      'FAILED',
      /READY has 800000 of 1000000/,
    ],
    ['held instances', work({ held: 2 }), 'warning', /^2 instances held/],
    ['quarantined instances', work({ quarantined: 1 }), 'warning', /^1 instance quarantined/],
    ['failed deliveries', work({ failed: 3 }), 'warning', /^3 deliveries failed for good/],
    ['conflicting content', work({ conflicting: 1 }), 'warning', /^1 SOP Instance UID received with other content/],
    ['an old delivery', work({ oldestOpenSeconds: 3_601 }), 'warning', /oldest delivery waits for 60 min/],
  ];
  for (const [title, changed, level, what] of wrong)
    test(`${title} is one ${level} that says what to do`, () => {
      const findings = judgeStatus({ ...well, ...changed }).filter((finding) => finding.level !== 'ok');
      assert.equal(findings.length, 1, JSON.stringify(findings));
      assert.equal(findings[0]!.level, level);
      assert.match(findings[0]!.what, what);
      assert.match(printFinding(findings[0]!), /\n {9}-> ./);
    });
});

describe('judgeStoredDocument', () => {
  const document = {
    facilities: [{ id: 'a', match: [{}], destinations: ['s'] }],
    destinations: [{ id: 's', kind: 'stow', url: 'https://archive.example/' }],
  };

  test('a published document without anything odd is nothing to tell', () => {
    assert.deepEqual(judgeStoredDocument({ revision: 4, published: 4, document }), []);
    assert.deepEqual(judgeStoredDocument({ published: null, document: null }), []);
  });

  test('a revision that was not published, odd rules and fields in vain are told', () => {
    const odd = {
      ...document,
      destinations: [document.destinations[0], { ...document.destinations[0], id: 'unused' }],
      notifications: [{ kind: 'webhook', url: 'https://ops.example.org/hook', on: ['held'] }],
    };
    const findings = judgeStoredDocument({ revision: 4, published: 3, document: odd });
    const lines = findings.map(({ level, what }) => `${level} ${what}`);
    assert.match(lines[0]!, /^FAILED revision 4 is applied, but 3 was published$/);
    assert.ok(
      lines.some((line) => /^warning gateway document, destinations\[unused\]/.test(line)),
      lines.join('\n'),
    );
    assert.match(lines.at(-1)!, /^warning gateway document: this version does not act on notifications/);
  });
});

describe('printStatus', () => {
  test('tells services, document, queues, waiting work, disk and destinations', () => {
    const text = printStatus(
      {
        ...well,
        services: { ...well.services, router: { ready: false, reasons: ['jetstream: no answer'] } },
        ledger: { factsBehind: 5 },
        destinations: [
          { ...destination, state: 'paused', since: NOW.toISOString(), reason: '503', oldestDueAt: '2026-01-05T11:00:00Z', failed: 2 },
          {
            ...{ ...destination, id: 'nights', parked: 7, window: { open: false, until: NOW.toISOString() } },
            bandwidth: { rate: 20_000_000, until: null },
          },
        ],
      },
      NOW,
    );
    assert.match(text, /^receiver {6}ready$/m);
    assert.match(text, /^router {8}NOT READY: jetstream: no answer$/m);
    assert.match(text, /^document {6}revision 4$/m);
    assert.match(text, /^queues {8}RECEIVED 3$/m);
    assert.match(text, /^ledger {8}5 facts behind$/m);
    assert.match(text, /^undelivered {3}2, the oldest for 4 s$/m);
    assert.match(text, /^disk {10}100 GiB free of 200 GiB; nothing is received below 10\.0 GiB$/m);
    assert.match(text, /^cloud +stow +paused +0 +0 +0 +2 +60 min +since .*: 503$/m);
    assert.match(text, /^nights .* 7 .*waits for its window, only stat work is sent until .*; at most 20 Mbit\/s always$/m);
  });
});
