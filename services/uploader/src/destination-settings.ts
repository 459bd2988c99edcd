// The parts of the gateway document that the uploader lives by, under the names the document gives them.
import { rulesOnDelivery } from '@causeway/shared/config/coercion';
import type { GatewayDocument } from '@causeway/shared/config/gateway-document';
import type { Delivery } from '@causeway/shared/events/delivery';
import type { DeliveryRules } from './outbound-coercion.ts';

export type DestinationSettings = GatewayDocument['destinations'][number];
export type StowSettings = Extract<DestinationSettings, { kind: 'stow' }>;
export type DimseSettings = Extract<DestinationSettings, { kind: 'dimse' }>;

/** Our AE titles: the gateway's own, and those of facilities that have one. */
export interface CallingTitles {
  readonly gateway: string;
  readonly byFacility: Readonly<Record<string, string>>;
}

/** What of the rest of the document a destination is served by. */
export interface DestinationContext {
  readonly titles: CallingTitles;
  readonly coercion: DeliveryRules;
}

export function contextOf(document: GatewayDocument, destination: string): DestinationContext {
  const system = document.gateway.aeTitle;
  return { titles: callingTitlesOf(document), coercion: { rules: rulesOnDelivery(document, destination), system } };
}

export function callingTitlesOf(document: GatewayDocument): CallingTitles {
  const named = document.facilities.flatMap(({ id, aeTitle }) => (aeTitle === undefined ? [] : [[id, aeTitle] as const]));
  return { gateway: document.gateway.aeTitle, byFacility: Object.fromEntries(named) };
}

/** The calling AE title towards a DIMSE destination: a title, the facility's, or the one the modality called with. */
export function callingAeFor(settings: DimseSettings, titles: CallingTitles, delivery: Delivery): string {
  const { callingAe } = settings;
  if (callingAe === 'as-received') return delivery.instance.association.callingAe || titles.gateway;
  if (callingAe === 'facility') return (delivery.facility && titles.byFacility[delivery.facility]) ?? titles.gateway;
  return callingAe ?? titles.gateway;
}
