// Deliveries with their objects in a folder, ready to be queued: what an uploader finds when the services before it have done their part.
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { newReceiptId, receivedKey } from '@causeway/shared/brands';
import type { Bus } from '@causeway/shared/bus/bus';
import { parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { type Delivery, deliveryIdOf } from '@causeway/shared/events/delivery';
import { newEnvelope } from '@causeway/shared/events/envelope';
import { deliverySubject } from '@causeway/shared/events/flow';
import type { Instance } from '@causeway/shared/events/instance';
import type { BenchFile } from './make-files.ts';

/** Each file as a received object of the folder store. */
export async function storeFiles(objects: string, files: readonly BenchFile[]): Promise<Instance[]> {
  const instances: Instance[] = [];
  for (const { path } of files) instances.push(await storeFile(objects, await readFile(path)));
  return instances;
}

async function storeFile(objects: string, file: Buffer): Promise<Instance> {
  const { meta, dataSetOffset } = parseFileMeta(file)!;
  const receiptId = newReceiptId();
  const key = receivedKey(receiptId);
  await mkdir(dirname(join(objects, key)), { recursive: true });
  await writeFile(join(objects, key), file);
  return {
    ...{ objectKey: key, size: file.length, digest: createHash('sha256').update(file.subarray(dataSetOffset)).digest('hex') },
    ...{ receiptId, transferSyntaxUid: meta.transferSyntaxUid, sopClassUid: meta.sopClassUid, sopInstanceUid: meta.sopInstanceUid },
    ...{ receivedAt: new Date().toISOString(), lane: 'routine', attributes: {} },
    association: { callingAe: 'BENCH', calledAe: 'GATEWAY', source: '127.0.0.1', listener: 'lan' },
  };
}

/** `round`: the generation, so that the same objects are sent anew. Resolves when all are queued. */
export async function queueDeliveries(bus: Bus, instances: readonly Instance[], to: { destination: string; round: number }): Promise<void> {
  const { destination, round } = to;
  await Promise.all(
    instances.map((instance) => {
      const delivery: Delivery = {
        id: deliveryIdOf(instance.receiptId, destination),
        ...{ destination, instance, cause: { rule: 'benchmark', revision: 1 } },
      };
      return bus.publish(
        { ...newEnvelope(round), type: 'delivery.due', delivery },
        { subject: deliverySubject(destination, instance.lane), messageId: `${delivery.id}.${round}`, timeoutMs: 60_000 },
      );
    }),
  );
}
