// The ledger of two facilities and a hub, for tests of what each other's users see. Whatever is only of the south has "south" or 7777 in it.
import { randomUUID } from 'node:crypto';
import { commitmentKey, type ReceiptId, receivedKey, uuidV7 } from '@causeway/shared/brands';
import type { Revision } from '@causeway/shared/bus/gateway-configuration';
import { parseGatewayDocument } from '@causeway/shared/config/gateway-document';
import { takeCommitment } from '@causeway/shared/database/commitment-rows';
import type { Database } from '@causeway/shared/database/database';
import { failedFact, quarantinedFact, routedFact, sampleEnvelope, sampleInstance } from '@causeway/shared/database/facts-for-tests';
import { applyFacts } from '@causeway/shared/database/project-facts';
import { type Delivery, deliveryIdOf } from '@causeway/shared/events/delivery';
import type { Fact, FactOf, Held } from '@causeway/shared/events/facts';
import type { Instance } from '@causeway/shared/events/instance';

export const TWO_FACILITIES: Revision = {
  revision: 1,
  document: parseGatewayDocument({
    facilities: [
      {
        id: 'north',
        name: 'North Imaging',
        match: [{ calledAe: 'NORTH' }, { calledAe: 'BOTH', callingAe: 'CT9' }],
        destinations: ['north-archive', 'shared-archive'],
      },
      {
        id: 'south',
        name: 'South Imaging',
        match: [{ calledAe: 'SOUTH' }, { calledAe: 'BOTH', callingAe: 'CT9', network: '10.0.0.0/8' }],
        destinations: ['south-archive', 'shared-archive'],
      },
      {
        id: 'hub',
        name: 'Hub',
        model: 'hub',
        match: [{ calledAe: 'GATEWAY' }],
        mappingTag: 'InstitutionName',
        destinations: ['shared-archive'],
      },
    ],
    destinations: ['north-archive', 'south-archive', 'shared-archive'].map((id) => ({
      id,
      kind: 'stow',
      url: 'http://127.0.0.1:1/dicom-web',
    })),
    retrieval: { sources: [{ id: 'archive', url: 'http://127.0.0.1:1/dicom-web' }] },
  }),
};

export type Site = 'north' | 'south';
const ARC = { north: '2.25.1111', south: '2.25.7777' };

/** An instance of one facility, in a study of its own unless another is named. */
export function siteInstance(site: Site, number: number, studyInstanceUid = `${ARC[site]}.${number}`): Instance {
  const name = site.toUpperCase();
  const receiptId = uuidV7(Date.UTC(2026, 0, 5, 11) + number * 1000) as ReceiptId;
  const sample = sampleInstance(1, number, {
    PatientName: `${name}^PATIENT${number}`,
    PatientID: `${name}-ID-${number}`,
    AccessionNumber: `${name}-ACC-${number}`,
    StudyDescription: `${name} THORAX`,
    SeriesDescription: `${name} SERIES`,
    InstitutionName: `${name} HOSPITAL`,
  });
  return {
    ...sample,
    ...{ receiptId, objectKey: receivedKey(receiptId), studyInstanceUid, seriesInstanceUid: `${ARC[site]}.${number}.2` },
    sopInstanceUid: `${ARC[site]}.${number}.2.1`,
    association: { callingAe: `${name}_CT`, calledAe: name, source: site === 'north' ? '10.1.0.7' : '10.7.77.7', listener: 'lan' },
  };
}

const deliveryOf = (site: Site, instance: Instance, destination: string): Delivery => ({
  ...{ id: deliveryIdOf(instance.receiptId, destination), destination, facility: site, instance },
  cause: { rule: `${site}: match { calledAe: ${site.toUpperCase()} }`, revision: 1 },
});

/** `facility`: what its association stands for; null: nothing. */
export function siteRouted(site: Site, instance: Instance, options: { to?: string[]; held?: Held; facility?: string | null } = {}): Fact {
  const { to = [], held, facility = site } = options;
  const fact = routedFact(instance, 100, { held }) as FactOf<'ledger.instance.routed'>;
  const deliveries = to.map((destination) => deliveryOf(site, instance, destination)).map(({ instance: _, ...told }) => told);
  const facilities = held === undefined ? [{ id: site, rule: `${site}: match` }] : [];
  return { ...fact, facility: facility ?? undefined, facilities, deliveries };
}

export const siteFailed = (site: Site, instance: Instance, destination: string): Fact => ({
  ...failedFact(deliveryOf(site, instance, destination), 200),
  facility: site,
});

/** What became of the work of one site: one study failed, one at the shared archive, one held at the facility, one quarantined. */
export interface SiteWork {
  readonly failed: Instance;
  readonly held: Instance;
  readonly quarantined: Instance;
  /** Of a study that the other site has a part in too. */
  readonly shared: Instance;
  readonly association: string;
  readonly commitment: string;
}

export const SHARED_STUDY = '2.25.5555';

/** Also: one that both tie for, and one that nobody is known to own. */
export interface BothSites {
  readonly north: SiteWork;
  readonly south: SiteWork;
  readonly tied: Instance;
  readonly nobodys: Instance;
}

export async function fillTwoFacilities(database: Database): Promise<BothSites> {
  // The south's instance of the shared study came first: it describes the study's row.
  const south = await fillSite(database, 'south', 10);
  const north = await fillSite(database, 'north', 30);
  const tied = {
    ...siteInstance('north', 50, '2.25.6666'),
    association: { callingAe: 'CT9', calledAe: 'BOTH', source: '10.1.0.9', listener: 'lan' },
  };
  const nobodys = {
    ...siteInstance('south', 51),
    association: { callingAe: 'SOUTH_X', calledAe: 'SOUTH_Y', source: '10.7.77.8', listener: 'lan' },
  };
  const ambiguous: Held = { reason: 'ambiguous', detail: 'north, south match the association equally', candidates: ['north', 'south'] };
  await applyFacts(database, [
    siteRouted('north', tied, { held: ambiguous, facility: null }),
    siteRouted('south', nobodys, { held: { reason: 'no-facility', detail: 'no match row fits', candidates: [] }, facility: null }),
  ]);
  return { north, south, tied, nobodys };
}

async function fillSite(database: Database, site: Site, from: number): Promise<SiteWork> {
  const [failed, held, quarantined] = [siteInstance(site, from), siteInstance(site, from + 1), siteInstance(site, from + 2)];
  const shared = siteInstance(site, from + 3, SHARED_STUDY);
  const waits: Held = { reason: 'no-destination', detail: `${site} has no destination`, facility: site, candidates: [] };
  const association = randomUUID();
  await applyFacts(database, [
    siteRouted(site, failed, { to: [`${site}-archive`, 'shared-archive'] }),
    siteFailed(site, failed, `${site}-archive`),
    siteRouted(site, held, { held: waits }),
    { ...quarantinedFact(quarantined, 100), facility: site },
    siteRouted(site, shared, { to: ['shared-archive'] }),
    siteFailed(site, shared, 'shared-archive'),
    associationFact(association, failed),
  ]);
  return { failed, held, quarantined, shared, association, commitment: await takeSiteCommitment(database, failed, association) };
}

const associationFact = (id: string, { association: { callingAe, calledAe, source } }: Instance): Fact => ({
  ...sampleEnvelope(1),
  type: 'ledger.association.ended',
  association: {
    ...{ id, outcome: 'released', detail: 'released by the peer', count: 1, source, listener: 'lan', callingAe, calledAe, contexts: [] },
    ...{ startedAt: '2026-01-05T10:00:00.000Z', endedAt: '2026-01-05T10:00:42.000Z', instances: 4, dataSetBytes: 4000, responses: {} },
  },
});

async function takeSiteCommitment(database: Database, { association, sopInstanceUid }: Instance, associationId: string): Promise<string> {
  const id = uuidV7();
  const now = new Date();
  const { callingAe, calledAe, source } = association;
  const about = { id, transactionUid: sopInstanceUid, callingAe, calledAe, source, requestedAt: now.toISOString(), references: 1 };
  const commitment = { ...about, association: { id: associationId, replica: randomUUID() }, requestKey: commitmentKey(id, 'request') };
  await takeCommitment(database, { commitment, referencesDigest: sopInstanceUid, after: 'delivered', deadlineAt: now, now });
  await database.query(`UPDATE commitments SET state = 'undeliverable' WHERE id = $1`, [id]);
  return id;
}
