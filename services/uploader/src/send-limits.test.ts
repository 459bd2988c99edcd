// Rates and windows of a document on a fake clock: what is under way follows borders, documents and shares at once, and never goes faster than all its limits together allow.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseGatewayDocument } from '@causeway/shared/config/gateway-document';
import { FakeClock } from './fake-clock-for-tests.ts';
import { SendLimits } from './send-limits.ts';
import { burstOf } from './token-bucket.ts';

const MONDAY = Date.parse('2026-01-05T06:00:00Z');
const HOUR = 3_600_000;

interface Limits {
  readonly bandwidth?: object[];
  readonly window?: object[];
  readonly quota?: object;
}

const documentOf = ({ bandwidth = [], window = [], quota = {} }: Limits) =>
  parseGatewayDocument({
    gateway: { timeZone: 'UTC' },
    facilities: [{ id: 'north', match: [{}], destinations: ['cloud', 'pacs'], quota }],
    destinations: ['cloud', 'pacs'].map((id) => ({
      id,
      kind: 'stow',
      url: `http://${id}/`,
      bandwidth: id === 'cloud' ? bandwidth : [],
      window,
    })),
  });

function rig(limits: Limits, start = MONDAY) {
  const clock = new FakeClock();
  clock.advance(start - clock.now());
  const shares = new Set<() => void>();
  const share = { slots: 4, replicas: 1 };
  const passed = { bytes: 0, waitedMs: 0 };
  const made = new SendLimits({
    clock,
    share: {
      slots: () => share.slots,
      replicas: () => share.replicas,
      onChange: (call) => {
        shares.add(call);
        return { stop: () => void shares.delete(call) };
      },
    },
    passed: (_destination, bytes, waitedMs) => {
      passed.bytes += bytes;
      passed.waitedMs += waitedMs;
    },
  });
  made.apply({ document: documentOf(limits) });
  return { clock, made, share, passed, shareChanged: () => [...shares].map((call) => call()) };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** An endless upload; tells what went out in the next so many ms. */
function upload(
  { clock, made }: ReturnType<typeof rig>,
  destination = 'cloud',
  { facility = 'north', chunkBytes = 65_536 }: { facility?: string; chunkBytes?: number } = {},
) {
  let sent = 0;
  const chunks = async function* (): AsyncGenerator<Buffer> {
    for (;;) yield Buffer.alloc(chunkBytes);
  };
  const pieces = made.paceOf({ destination, facility }).through(chunks());
  const go = async (): Promise<void> => {
    for await (const piece of pieces) {
      sent += piece.length;
      if (sent > 1e9) return;
      await settled();
    }
  };
  void go();
  return {
    async during(ms: number, stepMs = 50): Promise<number> {
      const before = sent;
      for (let passed = 0; passed < ms; passed += stepMs) {
        for (let turns = 0; turns < 20; turns += 1) await settled();
        clock.advance(stepMs);
      }
      return sent - before;
    },
  };
}

const about = (actual: number, expected: number, burst: number): void =>
  assert.ok(actual <= expected + burst && actual >= expected * 0.85 - burst, `${actual} bytes, about ${expected} expected`);

describe('the bandwidth of a destination', () => {
  it('paces within one large object', async () => {
    const one = rig({ bandwidth: [{ rate: '800kbit/s' }] });
    const sending = upload(one);
    about(await sending.during(10_000), 1_000_000, burstOf(100_000));
    assert.ok(one.passed.waitedMs > 8_000 && one.passed.bytes >= 850_000);
  });
  it('holds for all uploads to it together, and another destination is free', async () => {
    const one = rig({ bandwidth: [{ rate: '800kbit/s' }] });
    const [first, second] = [upload(one), upload(one)];
    const sent = await Promise.all([first.during(10_000), second.during(0)]);
    const rest = await second.during(10_000);
    assert.ok(sent[0] > 300_000 && rest > 300_000, 'both go on');
    const free = upload(one, 'pacs');
    assert.ok((await free.during(1_000)) > 5_000_000);
  });
  it('is not taken from a large object by small ones that never end', async () => {
    const one = rig({ bandwidth: [{ rate: '800kbit/s' }] });
    const small = [1, 2, 3].map(() => upload(one, 'cloud', { chunkBytes: 4_096 }));
    await small[0]!.during(1_000, 5);
    const large = upload(one);
    const sent = await large.during(10_000, 5);
    assert.ok(sent > 125_000, `${sent} bytes, of a fourth of 1,000,000 at least the half expected`);
  });
  it('changes at the border of its row while an object is under way, up and down', async () => {
    const one = rig({ bandwidth: [{ from: '06:01', to: '06:02', rate: '80kbit/s' }, { rate: '800kbit/s' }] });
    const sending = upload(one);
    about(await sending.during(60_000), 6_000_000, burstOf(100_000));
    about(await sending.during(60_000), 600_000, burstOf(100_000));
    about(await sending.during(60_000), 6_000_000, burstOf(100_000));
  });
  it('follows a changed document at once, in the middle of a wait', async () => {
    const one = rig({ bandwidth: [{ rate: '1kbit/s' }] });
    const sending = upload(one);
    about(await sending.during(10_000), 1_250, 1_024);
    one.made.apply({ document: documentOf({ bandwidth: [{ rate: '800kbit/s' }] }) });
    about(await sending.during(10_000), 1_000_000, burstOf(100_000));
    one.made.apply({ document: documentOf({}) });
    assert.ok((await sending.during(1_000)) > 5_000_000);
  });
  it('is divided by the slots of this replica, and follows them', async () => {
    const one = rig({ bandwidth: [{ rate: '800kbit/s' }] });
    one.share.slots = 1;
    const sending = upload(one);
    about(await sending.during(10_000), 250_000, burstOf(25_000));
    one.share.slots = 4;
    one.shareChanged();
    about(await sending.during(10_000), 1_000_000, burstOf(100_000));
  });
});

describe('the bandwidth of a facility', () => {
  it('holds over all its destinations together, divided among the replicas; another facility is free', async () => {
    const one = rig({ quota: { bandwidth: '1600kbit/s' } });
    one.share.replicas = 2;
    const [cloud, pacs] = [upload(one, 'cloud'), upload(one, 'pacs')];
    const [a, b] = [await cloud.during(5_000), await pacs.during(0)];
    const c = await cloud.during(5_000);
    assert.equal(b, 0);
    assert.ok(a + c <= 1_000_000 + burstOf(100_000));
    about(await upload(one, 'cloud', { facility: 'south' }).during(1_000), 20_000_000, 1e9);
  });
  it('with that of the destination the lower one holds, and what waits for one does not use up the other', async () => {
    const one = rig({ bandwidth: [{ rate: '800kbit/s' }], quota: { bandwidth: '80kbit/s' } });
    const slow = upload(one);
    about(await slow.during(10_000), 100_000, burstOf(10_000));
    const fast = upload(one, 'cloud', { facility: 'south' });
    about(await fast.during(10_000), 900_000, burstOf(100_000) + 100_000);
  });
});

describe('the window of a destination', () => {
  const nights = { window: [{ from: '20:00', to: '06:00', days: ['mon', 'tue', 'wed', 'thu', 'fri'] }] };
  it('is closed for routine and prior work outside of its rows, and always open for stat', () => {
    const { made } = rig(nights);
    assert.deepEqual(
      (['stat', 'routine', 'prior'] as const).map((lane) => made.isOpen('cloud', lane)),
      [true, false, false],
    );
    assert.deepEqual(made.windows(), [
      { destination: 'cloud', closed: true },
      { destination: 'pacs', closed: true },
    ]);
  });
  it('opens and closes by the clock, and with the document; without rows it is open', () => {
    const { made, clock } = rig(nights);
    let told = 0;
    const following = made.onWindow(() => {
      told += 1;
    });
    clock.advance(14 * HOUR - 1);
    assert.equal(made.isOpen('cloud', 'routine'), false);
    const before = told;
    clock.advance(1);
    assert.equal(made.isOpen('cloud', 'routine'), true);
    assert.equal(told, before + 1);
    clock.advance(10 * HOUR);
    assert.equal(made.isOpen('cloud', 'routine'), false);
    made.apply({ document: documentOf({}) });
    assert.equal(made.isOpen('cloud', 'routine'), true);
    assert.deepEqual(made.windows(), []);
    following.stop();
    const after = told;
    clock.advance(10 * 60_000);
    assert.equal(told, after);
  });
  it('time outside of it does not count as age: not for routine work, but for stat', () => {
    const { made, clock } = rig(nights);
    const since = clock.now() - HOUR;
    clock.advance(15 * HOUR);
    const due = { destination: 'cloud', since } as const;
    // Due since 05:00, in a window of Sunday that there is not; now it is 21:00: one hour was open.
    assert.equal(made.isOlder({ ...due, lane: 'routine' }, HOUR - 1), true);
    assert.equal(made.isOlder({ ...due, lane: 'routine' }, HOUR), false);
    assert.equal(made.isOlder({ ...due, lane: 'stat' }, 15 * HOUR), true);
    assert.equal(made.isOlder({ destination: 'elsewhere', lane: 'routine', since }, 16 * HOUR), false);
    assert.equal(made.isOlder({ ...due, lane: 'stat', aheadMs: 2 * HOUR }, 15 * HOUR), false);
  });
});
