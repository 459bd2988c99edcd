// What network policies let through, by the rules of networking.k8s.io/v1: a pod that a policy selects may do what one of those that select it allows, and nothing else.
import { BlockList } from 'node:net';
import { z } from 'zod';
import type { Manifest } from './chart.ts';

/** A pod, or something outside of the cluster (without namespace). */
export interface Party {
  readonly name: string;
  readonly ip: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

const selector = z.strictObject({
  matchLabels: z.record(z.string(), z.string()).optional(),
  matchExpressions: z.array(z.strictObject({ key: z.string(), operator: z.literal('In'), values: z.array(z.string()) })).optional(),
});
type Selector = z.infer<typeof selector>;

const peer = z.strictObject({
  podSelector: selector.optional(),
  namespaceSelector: selector.optional(),
  ipBlock: z.strictObject({ cidr: z.string(), except: z.array(z.string()).optional() }).optional(),
});
const ports = z.array(z.strictObject({ protocol: z.enum(['TCP', 'UDP']), port: z.number() })).optional();

const networkPolicy = z.looseObject({
  kind: z.literal('NetworkPolicy'),
  spec: z.strictObject({
    podSelector: selector,
    policyTypes: z.array(z.enum(['Ingress', 'Egress'])),
    ingress: z.array(z.strictObject({ ports, from: z.array(peer).optional() })).default([]),
    egress: z.array(z.strictObject({ ports, to: z.array(peer).optional() })).default([]),
  }),
});
type Policy = z.infer<typeof networkPolicy>['spec'];

export interface Connection {
  readonly from: Party;
  readonly to: Party;
  readonly port: number;
}

/** `namespace`: where the policies are. Port 53 is asked by UDP, all others by TCP. */
export function networkRules(manifests: readonly Manifest[], namespace: string): (connection: Connection) => boolean {
  const policies = manifests.filter(({ kind }) => kind === 'NetworkPolicy').map((one) => networkPolicy.parse(one).spec);
  const selecting = (party: Party, type: 'Ingress' | 'Egress'): Policy[] =>
    policies.filter(
      ({ podSelector, policyTypes }) =>
        party.namespace === namespace && policyTypes.includes(type) && selects(podSelector, party.labels ?? {}),
    );
  const matches = (peers: readonly z.infer<typeof peer>[] | undefined, party: Party): boolean =>
    peers === undefined || peers.some((one) => isPeer(one, party, namespace));
  return ({ from, to, port }) => {
    const out = selecting(from, 'Egress');
    const into = selecting(to, 'Ingress');
    const mayLeave = out.length === 0 || out.some(({ egress }) => egress.some((rule) => hasPort(rule.ports, port) && matches(rule.to, to)));
    const mayEnter =
      into.length === 0 || into.some(({ ingress }) => ingress.some((rule) => hasPort(rule.ports, port) && matches(rule.from, from)));
    return mayLeave && mayEnter;
  };
}

const hasPort = (allowed: z.infer<typeof ports>, port: number): boolean =>
  allowed === undefined || allowed.some((one) => one.port === port && one.protocol === (port === 53 ? 'UDP' : 'TCP'));

function isPeer({ ipBlock, podSelector, namespaceSelector }: z.infer<typeof peer>, party: Party, own: string): boolean {
  if (ipBlock !== undefined) return isIn([ipBlock.cidr], party.ip) && !isIn(ipBlock.except ?? [], party.ip);
  if (party.namespace === undefined) return false;
  const isInNamespace =
    namespaceSelector === undefined
      ? party.namespace === own
      : selects(namespaceSelector, { 'kubernetes.io/metadata.name': party.namespace });
  return isInNamespace && (podSelector === undefined || selects(podSelector, party.labels ?? {}));
}

const selects = ({ matchLabels = {}, matchExpressions = [] }: Selector, labels: Readonly<Record<string, string>>): boolean =>
  Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
  matchExpressions.every(({ key, values }) => values.includes(labels[key] ?? ''));

function isIn(networks: readonly string[], ip: string): boolean {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    list.addSubnet(address, Number(bits));
  }
  return list.check(ip);
}
