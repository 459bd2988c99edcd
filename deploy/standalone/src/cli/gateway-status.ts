// What GET /api/status and GET /api/gateway answer.
import type { OpenWork } from '@causeway/shared/database/open-work';

export interface ServiceStatus {
  readonly ready: boolean;
  readonly reasons?: readonly string[];
  readonly revision?: number;
}

export interface DestinationStatus {
  readonly id: string;
  /** null: the gateway document has it no longer, and there is work for it. */
  readonly kind: string | null;
  readonly state: 'open' | 'paused';
  readonly since: string | null;
  readonly reason: string | null;
  readonly queued: number;
  readonly open: number;
  /** Due, and not queued for lack of room. */
  readonly parked: number;
  readonly failed: number;
  readonly oldestDueAt: string | null;
  /** null: it may always send. `open` false: only stat work is sent. */
  readonly window: { readonly open: boolean; readonly until: string | null } | null;
  /** null: no schedule. `rate` in bit/s; null: none holds now. */
  readonly bandwidth: { readonly rate: number | null; readonly until: string | null } | null;
}

export interface GatewayStatus {
  readonly ready: boolean;
  readonly services: Readonly<Record<string, ServiceStatus>>;
  /** Of the gateway document in force; null: there is none yet. */
  readonly revision: number | null;
  readonly queues: readonly { readonly stream: string; readonly messages: number; readonly bytes: number; readonly most: number }[];
  readonly ledger: { readonly factsBehind: number };
  readonly work: OpenWork;
  readonly destinations: readonly DestinationStatus[];
  /** null: the object store cannot tell. */
  readonly disk: { readonly free: number; readonly total: number; readonly refusedBelow: number } | null;
}

export interface Listener {
  readonly id: string;
  readonly port: number;
  readonly tls: boolean;
  readonly proxyProtocol: boolean;
  readonly clientCert: 'required' | 'optional' | 'none';
}

export interface GatewayFacts {
  readonly aeTitles: readonly string[];
  readonly listeners: readonly Listener[];
}
