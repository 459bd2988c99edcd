// What the tests look at in rendered manifests, in shapes that can be trusted.
import { z } from 'zod';
import type { Manifest } from './chart.ts';

const labels = z.record(z.string(), z.string());

export const variable = z.strictObject({
  name: z.string(),
  value: z.string().optional(),
  valueFrom: z.strictObject({ secretKeyRef: z.strictObject({ name: z.string(), key: z.string() }) }).optional(),
});
export type Variable = z.infer<typeof variable>;

const httpProbe = z.looseObject({ httpGet: z.strictObject({ path: z.string(), port: z.string() }) });
const item = z.strictObject({ key: z.string(), path: z.string() });
const secretSource = z.strictObject({
  secret: z.strictObject({ name: z.string(), optional: z.boolean().optional(), items: z.array(item) }),
});

const volume = z.strictObject({
  name: z.string(),
  emptyDir: z.strictObject({ sizeLimit: z.string() }).optional(),
  ephemeral: z.looseObject({}).optional(),
  projected: z.strictObject({ defaultMode: z.number(), sources: z.array(secretSource) }).optional(),
  configMap: z.strictObject({ name: z.string(), items: z.array(item) }).optional(),
  secret: z.strictObject({ secretName: z.string(), defaultMode: z.number() }).optional(),
});

const container = z.looseObject({
  name: z.string(),
  image: z.string(),
  args: z.array(z.string()),
  securityContext: z.looseObject({}),
  env: z.array(variable).default([]),
  ports: z.array(z.strictObject({ name: z.string(), containerPort: z.number() })).default([]),
  startupProbe: httpProbe.optional(),
  livenessProbe: httpProbe.optional(),
  readinessProbe: httpProbe.optional(),
  lifecycle: z.strictObject({ preStop: z.strictObject({ sleep: z.strictObject({ seconds: z.number() }) }) }).optional(),
  resources: z.looseObject({ requests: labels, limits: labels }),
  volumeMounts: z.array(z.strictObject({ name: z.string(), mountPath: z.string(), readOnly: z.boolean().optional() })).default([]),
});

const podSpec = z.looseObject({
  serviceAccountName: z.string(),
  automountServiceAccountToken: z.boolean(),
  enableServiceLinks: z.boolean(),
  terminationGracePeriodSeconds: z.number().optional(),
  securityContext: z.looseObject({}),
  containers: z.array(container),
  volumes: z.array(volume).default([]),
});
export type PodSpec = z.infer<typeof podSpec>;

const deployment = z.looseObject({
  metadata: z.looseObject({ name: z.string() }),
  spec: z.looseObject({
    replicas: z.number().optional(),
    selector: z.strictObject({ matchLabels: labels }),
    template: z.strictObject({ metadata: z.strictObject({ labels }), spec: podSpec }),
  }),
});
export type Deployment = z.infer<typeof deployment>;

const service = z.looseObject({
  metadata: z.looseObject({ name: z.string() }),
  spec: z.looseObject({
    type: z.string(),
    externalTrafficPolicy: z.string().optional(),
    selector: labels,
    ports: z.array(z.strictObject({ name: z.string(), port: z.number(), targetPort: z.string() })),
  }),
});

const ofKind = (manifests: readonly Manifest[], kind: string): Manifest[] => manifests.filter((one) => one.kind === kind);
export const deploymentsOf = (manifests: readonly Manifest[]): Deployment[] =>
  ofKind(manifests, 'Deployment').map((one) => deployment.parse(one));
export const servicesOf = (manifests: readonly Manifest[]): z.infer<typeof service>[] =>
  ofKind(manifests, 'Service').map((one) => service.parse(one));
export const namesOf = (manifests: readonly Manifest[], kind: string): string[] =>
  ofKind(manifests, kind).map(({ metadata }) => metadata.name);

/** Of Deployments, and of the pod of `helm test`. */
export const podsOf = (manifests: readonly Manifest[]): PodSpec[] => [
  ...deploymentsOf(manifests).map(({ spec }) => spec.template.spec),
  ...ofKind(manifests, 'Pod').map((one) => podSpec.parse(one.spec)),
];

export const componentOf = (one: Deployment): string => one.spec.template.metadata.labels['app.kubernetes.io/component'] ?? 'none';

/** The service's own container. */
export const mainContainer = ({ spec }: Deployment): PodSpec['containers'][number] => spec.template.spec.containers[0]!;

/** Secrets that are needed for the service to work are taken as given. */
export const environmentOf = (one: Deployment): Record<string, string> =>
  Object.fromEntries(mainContainer(one).env.map(({ name, value }) => [name, value ?? 'of-a-secret']));

/** Paths of all files that the pod's volumes bring; a whole Secret is a folder that ends with /. */
export function mountedFiles(one: Deployment): string[] {
  const { volumes } = one.spec.template.spec;
  return mainContainer(one).volumeMounts.flatMap(({ name, mountPath }) => {
    const found = volumes.find((each) => each.name === name);
    const items = [...(found?.projected?.sources ?? []).flatMap(({ secret }) => secret.items), ...(found?.configMap?.items ?? [])];
    return found?.secret ? [`${mountPath}/`] : items.map(({ path }) => `${mountPath}/${path}`);
  });
}

export const fits = (wanted: Readonly<Record<string, string>>, found: Readonly<Record<string, string>>): boolean =>
  Object.entries(wanted).every(([name, value]) => found[name] === value);
