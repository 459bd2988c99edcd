// The images of others that compositions and tests use: official ones, unless the environment names another, or no registry is reached and a stand-in was built.

export interface ForeignImage {
  /** The folder in stand-ins/. */
  readonly name: string;
  /** Overrides it. */
  readonly variable: string;
  readonly official: string;
  /** What overrides it in deploy/compose. */
  readonly inCompositions?: string;
}

const IMAGES = [
  { name: 'node', variable: 'CAUSEWAY_IMAGE_NODE', official: 'node:24-bookworm-slim' },
  { name: 'nats', variable: 'CAUSEWAY_IMAGE_NATS', official: 'nats:2.12-alpine', inCompositions: 'NATS_IMAGE' },
  { name: 'postgres', variable: 'CAUSEWAY_IMAGE_POSTGRES', official: 'postgres:17-bookworm', inCompositions: 'POSTGRES_IMAGE' },
  { name: 's3', variable: 'CAUSEWAY_IMAGE_S3', official: 'minio/minio:RELEASE.2025-09-07T16-13-09Z', inCompositions: 'MINIO_IMAGE' },
  { name: 'haproxy', variable: 'CAUSEWAY_IMAGE_HAPROXY', official: 'haproxy:3.2-alpine', inCompositions: 'HAPROXY_IMAGE' },
  { name: 'mc', variable: 'CAUSEWAY_IMAGE_MC', official: 'minio/mc:RELEASE.2025-08-13T08-35-41Z', inCompositions: 'MINIO_CLIENT_IMAGE' },
  { name: 'rclone', variable: 'CAUSEWAY_IMAGE_RCLONE', official: 'rclone/rclone:1.71', inCompositions: 'RCLONE_IMAGE' },
] as const satisfies readonly ForeignImage[];

export const FOREIGN_IMAGES: readonly (ForeignImage & { readonly name: ForeignImageName })[] = IMAGES;

export type ForeignImageName = (typeof IMAGES)[number]['name'];

export const standInOf = (name: string): string => `causeway-stand-in/${name}`;

/** The image to use: what the environment names, else the official one. */
export function imageFor(name: ForeignImageName, environment: NodeJS.ProcessEnv): string {
  const { variable, official } = FOREIGN_IMAGES.find((image) => image.name === name)!;
  return environment[variable] || official;
}
