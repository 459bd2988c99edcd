// The smallest Ceph that is a real S3 server: one monitor, one disk, no second copy, no authentication inside, nothing in the background.
import { join } from 'node:path';

export interface CephPlace {
  readonly folder: string;
  readonly monPort: number;
  readonly port: number;
  /** On which it answers S3 requests. */
  readonly address: string;
  readonly keeps: 'memory' | 'disk';
  readonly clusterId: string;
}

/** The text of ceph.conf. */
export function cephConfiguration({ folder, monPort, port, address, keeps, clusterId }: CephPlace): string {
  const settings = {
    ...WITHOUT_REDUNDANCY,
    ...QUIET,
    fsid: clusterId,
    'mon host': `v1:127.0.0.1:${monPort}`,
    'run dir': join(folder, 'run'),
    'admin socket': join(folder, 'run', '$name.asok'),
    'log file': join(folder, 'log', '$name.log'),
    'mon cluster log file': join(folder, 'log', 'cluster.log'),
    'mon data': join(folder, 'mon'),
    'osd data': join(folder, 'osd.$id'),
    'osd objectstore': keeps === 'disk' ? 'bluestore' : 'memstore',
    'rgw frontends': `beast endpoint=${address}:${port} tcp_nodelay=1`,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`);
  return `[global]\n${lines.join('\n')}\n`;
}

const WITHOUT_REDUNDANCY = {
  'ms bind msgr2': 'false',
  'ms bind ipv6': 'false',
  'public addr': '127.0.0.1',
  'cluster addr': '127.0.0.1',
  'auth cluster required': 'none',
  'auth service required': 'none',
  'auth client required': 'none',
  keyring: '/dev/null',
  'memstore device bytes': 8 * 1024 ** 3,
  // A sparse file: it takes what is written.
  'bluestore block size': 16 * 1024 ** 3,
  'bluestore fsck on mount': 'false',
  'osd memory target': 939_524_096,
  'osd pool default size': 1,
  'osd pool default min size': 1,
  'mon allow pool size one': 'true',
  'osd pool default pg num': 1,
  'osd pool default pgp num': 1,
  'osd pool default pg autoscale mode': 'off',
  'osd crush chooseleaf type': 0,
  'osd class update on start': 'false',
  'osd crush update on start': 'false',
};

const QUIET = {
  'mon data avail crit': 1,
  'mon data avail warn': 2,
  'mon osd full ratio': '.99',
  'mon osd nearfull ratio': '.99',
  'mon max pg per osd': 1_000,
  'paxos propose interval': '0.05',
  'paxos min wait': '0.01',
  'rgw enable usage log': 'false',
  'rgw enable ops log': 'false',
  'rgw thread pool size': 64,
  'rgw dynamic resharding': 'false',
  'rgw run sync thread': 'false',
  'rgw enable quota threads': 'false',
  'rgw enable gc threads': 'true',
};
