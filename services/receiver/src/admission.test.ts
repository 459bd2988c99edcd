// When nothing more is taken: each limit of admission by itself, the message with its number, and the way back.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseGatewayDocument } from '@causeway/shared/config/gateway-document';
import { createAdmission } from './admission.ts';
import { createStoreLatency } from './store-latency.ts';

const GIB = 1024 ** 3;

/** Everything is well until a test says otherwise. */
function admissionWith(admission: object) {
  const now = { free: 50 * GIB, total: 100 * GIB, received: 0, ready: 0, latencyMs: 0, bus: true };
  const document = parseGatewayDocument({ admission });
  const made = createAdmission({
    bus: {
      backlog: async (stream) => {
        if (!now.bus) throw new Error('no broker');
        return { messages: stream === 'RECEIVED' ? now.received : now.ready, bytes: 0, most: { messages: 1e6, bytes: 1e9 } };
      },
    },
    store: { freeBytes: async () => ({ free: now.free, total: now.total }) },
    latency: { begin: () => () => {}, meanMs: () => now.latencyMs },
    document: () => document,
  });
  const after = async (change: Partial<typeof now>) => {
    Object.assign(now, change);
    await made.look();
    return made.refusal();
  };
  return { made, after };
}

describe('free space', () => {
  it('below its watermark refuses, until it is a tenth above it', async () => {
    const { made, after } = admissionWith({ freeSpaceBelow: '10GiB' });
    assert.equal(await after({ free: 10 * GIB }), undefined);
    assert.deepEqual(await after({ free: 10 * GIB - 1 }), {
      limit: 'freeSpaceBelow',
      comment: 'storage is below its free space watermark of 10240 MiB',
    });
    assert.deepEqual(made.spaceRefusal(), made.refusal());
    assert.ok(await after({ free: 11 * GIB }), 'still');
    assert.equal(await after({ free: 11.2 * GIB }), undefined);
    assert.equal(made.spaceRefusal(), undefined);
  });
  it('is measured against the larger of size and share, and a full volume refuses', async () => {
    const { after } = admissionWith({ freeSpaceBelow: 'max(1GiB, 5%)' });
    assert.equal(await after({ free: 5 * GIB }), undefined);
    assert.ok(await after({ free: 4.9 * GIB }));
    assert.ok(await after({ free: 0 }));
  });
});

describe('backlog', () => {
  it('of RECEIVED and READY together above its limit refuses, until it is a tenth below', async () => {
    const { made, after } = admissionWith({ backlogAbove: 100 });
    assert.equal(await after({ received: 50, ready: 50 }), undefined);
    assert.deepEqual(await after({ ready: 51 }), { limit: 'backlogAbove', comment: 'backlog of work is above its limit of 100 messages' });
    assert.equal(made.spaceRefusal(), undefined, 'it needs no space: what is arriving goes on');
    assert.ok(await after({ ready: 40 }));
    assert.equal(await after({ ready: 39 }), undefined);
  });
  it('that cannot be asked for changes nothing', async () => {
    const { after } = admissionWith({ backlogAbove: 100 });
    assert.ok(await after({ received: 101 }));
    assert.ok(await after({ received: 0, bus: false }));
  });
});

describe('the time that storing takes', () => {
  it('above its limit refuses, and below again takes', async () => {
    const { made, after } = admissionWith({ storeLatencyAbove: '2s' });
    assert.equal(await after({ latencyMs: 2000 }), undefined);
    assert.deepEqual(await after({ latencyMs: 2001 }), {
      limit: 'storeLatencyAbove',
      comment: 'storing takes longer than its limit of 2000 ms',
    });
    assert.equal(made.loads().get('storeLatencyAbove'), 2001 / 2000);
    assert.equal(await after({ latencyMs: 0 }), undefined);
  });
  it('refuses by 10 s when the document says nothing', async () => {
    const { after } = admissionWith({});
    assert.equal(await after({ latencyMs: 10_000 }), undefined);
    assert.ok(await after({ latencyMs: 10_001 }));
  });
});

it('no message is longer than an Error Comment may be, with the largest numbers', async () => {
  const { after } = admissionWith({ freeSpaceBelow: '1000TiB', backlogAbove: 1_000_000, storeLatencyAbove: '10m' });
  for (const change of [{ latencyMs: 1e9 }, { latencyMs: 0, received: 2e6 }, { received: 0, free: 1 }]) {
    const refusal = await after({ free: 2000 * 1024 * GIB, ...change });
    assert.ok(refusal!.comment.length <= 64, refusal!.comment);
  }
});

describe('the measure of storing', () => {
  it('is the mean of the last ten seconds, and nothing before there are four', () => {
    let now = 100_000;
    const latency = createStoreLatency(() => now);
    const store = (milliseconds: number) => {
      const ended = latency.begin();
      now += milliseconds;
      ended();
      ended();
    };
    for (let count = 0; count < 3; count++) store(100);
    assert.equal(latency.meanMs(), 0);
    store(500);
    assert.equal(latency.meanMs(), 200);
    now += 9_000;
    assert.equal(latency.meanMs(), 200);
    now += 2_000;
    assert.equal(latency.meanMs(), 0, 'so that work is taken again when nothing is stored because everything is refused');
  });
  it('sees a store that hangs in what does not end, and not in what has just begun', () => {
    let now = 0;
    const latency = createStoreLatency(() => now);
    for (let count = 0; count < 4; count++) latency.begin();
    assert.equal(latency.meanMs(), 0);
    now = 7_000;
    for (let count = 0; count < 50; count++) latency.begin();
    assert.equal(latency.meanMs(), 7_000);
  });
});

describe('a store that hangs', () => {
  it('is asked once, and the time that storing takes is judged all the same', () => {
    const document = parseGatewayDocument({ admission: { storeLatencyAbove: '1s' } });
    let asked = 0;
    const freeBytes = () => {
      asked++;
      return new Promise<never>(() => {});
    };
    const latency = { begin: () => () => {}, meanMs: () => 0 };
    const bus = { backlog: async () => ({ messages: 0, bytes: 0, most: { messages: 1e6, bytes: 1e9 } }) };
    const made = createAdmission({ bus, store: { freeBytes }, latency, document: () => document });
    void made.look();
    latency.meanMs = () => 5_000;
    for (let n = 0; n < 9; n++) void made.look();
    assert.deepEqual([asked, made.refusal()?.limit], [1, 'storeLatencyAbove']);
  });
});
