// One clear line in the log for what a peer did wrong: from where, at which listener, what, and what to do.
import type { ScpEvent } from '@causeway/shared/dicom/dimse/scp';
import type { Logger } from '@causeway/shared/logger';

export function reportPeer(log: Logger, event: ScpEvent): void {
  const { source, listener, balancer, detail } = event;
  const from = balancer === undefined ? source : `${source} (through ${balancer})`;
  log.warn(event, source === listener ? `listener ${listener}: ${detail}` : `${from} at listener ${listener}: ${detail}`);
}
