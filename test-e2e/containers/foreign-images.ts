// The images of others that compositions and tests use: official ones, unless the environment names another, or no registry is reached and a stand-in was built.

export interface ForeignImage {
  /** The folder in stand-ins/. */
  readonly name: string;
  /** Overrides it. */
  readonly variable: string;
  readonly official: string;
}

export const FOREIGN_IMAGES = [
  { name: 'node', variable: 'CAUSEWAY_IMAGE_NODE', official: 'node:24-bookworm-slim' },
  { name: 'nats', variable: 'CAUSEWAY_IMAGE_NATS', official: 'nats:2.12-alpine' },
  { name: 'postgres', variable: 'CAUSEWAY_IMAGE_POSTGRES', official: 'postgres:17-bookworm' },
  { name: 's3', variable: 'CAUSEWAY_IMAGE_S3', official: 'minio/minio:RELEASE.2025-09-07T16-13-09Z' },
  { name: 'haproxy', variable: 'CAUSEWAY_IMAGE_HAPROXY', official: 'haproxy:3.2-alpine' },
] as const satisfies readonly ForeignImage[];

export type ForeignImageName = (typeof FOREIGN_IMAGES)[number]['name'];

export const standInOf = (name: string): string => `causeway-stand-in/${name}`;

/** The image to use: what the environment names, else the official one. */
export function imageFor(name: ForeignImageName, environment: NodeJS.ProcessEnv): string {
  const { variable, official } = FOREIGN_IMAGES.find((image) => image.name === name)!;
  return environment[variable] || official;
}
