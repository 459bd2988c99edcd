// What happens while a disk fills up: what is only a copy of an archive's goes first, then what is delivered already; only then nothing is received any more.
import type { GatewayDocument } from './gateway-document.ts';

/** `cache`: retrieved objects go; `delivered`: objects whose deliveries are all confirmed go before their time; `refusing`: C-STORE is refused (admission). */
export const SPACE_STAGES = ['enough', 'cache', 'delivered', 'refusing'] as const;
export type SpaceStage = (typeof SPACE_STAGES)[number];

/** Multiples of the free space below which nothing is received: room for what arrives while something is deleted. */
const CACHE_GOES_BELOW = 3;
const DELIVERED_GOES_BELOW = 2;

export interface Space {
  readonly free: number;
  readonly total: number;
}

/** Bytes; `admission.freeSpaceBelow` of the gateway document. */
export const refusedBelow = ({ total }: Space, { freeSpaceBelow }: GatewayDocument['admission']): number =>
  Math.max(freeSpaceBelow.bytes, Math.round((total * freeSpaceBelow.percent) / 100));

export function spaceStage(space: Space, admission: GatewayDocument['admission']): SpaceStage {
  const watermark = refusedBelow(space, admission);
  if (space.free < watermark) return 'refusing';
  if (space.free < DELIVERED_GOES_BELOW * watermark) return 'delivered';
  return space.free < CACHE_GOES_BELOW * watermark ? 'cache' : 'enough';
}

/** From the stage on, or a later one. */
export const isAtLeast = (stage: SpaceStage, from: SpaceStage): boolean => SPACE_STAGES.indexOf(stage) >= SPACE_STAGES.indexOf(from);
