// What the image is made of, as CycloneDX 1.6: npm packages as installed, Debian packages, Node. npm's own `npm sbom` leaves out packages of workspaces that are chosen one by one.

/** `node_modules/.package-lock.json`, as far as it is read here. */
export interface InstalledPackages {
  readonly packages: Readonly<Record<string, InstalledPackage>>;
}

interface InstalledPackage {
  readonly version?: string;
  /** `sha512-` and base64. */
  readonly integrity?: string;
  /** An SPDX expression. */
  readonly license?: string;
  /** A workspace: our own, no part. */
  readonly link?: boolean;
}

export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
}

export interface ImageParts {
  readonly version: string;
  readonly nodeVersion: string;
  readonly installed: InstalledPackages;
  readonly debian: readonly DebianPackage[];
}

export interface Component {
  readonly type: 'application' | 'library';
  readonly 'bom-ref': string;
  readonly group?: string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly hashes?: readonly { readonly alg: 'SHA-512'; readonly content: string }[];
  readonly licenses?: readonly { readonly expression: string }[];
}

/** Says the same of the same parts: no time, no random number. */
export function sbomOf({ version, nodeVersion, installed, debian }: ImageParts) {
  const self = { type: 'application', 'bom-ref': `causeway@${version}`, name: 'causeway', version } as const;
  const node = component({ type: 'application', name: 'node', version: nodeVersion }, `pkg:generic/node@${nodeVersion}`);
  const parts = [node, ...npmComponents(installed), ...debian.map(debianComponent)];
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: self },
    components: parts,
    dependencies: [{ ref: self['bom-ref'], dependsOn: parts.map((part) => part['bom-ref']) }],
  } as const;
}

/** One package may lie in several places of the tree. */
function npmComponents({ packages }: InstalledPackages): Component[] {
  const found = new Map<string, Component>();
  for (const [path, entry] of Object.entries(packages)) {
    const name = path.split('node_modules/').at(-1)!;
    if (!path.includes('node_modules/') || entry.link || entry.version === undefined) continue;
    const part = npmComponent(name, entry.version, entry);
    found.set(part.purl, part);
  }
  return [...found.values()].sort((a, b) => (a.purl < b.purl ? -1 : 1));
}

function npmComponent(fullName: string, version: string, { integrity, license }: InstalledPackage): Component {
  const [group, name] = fullName.startsWith('@') ? fullName.split('/') : [undefined, fullName];
  const digest = integrity?.startsWith('sha512-') ? Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('hex') : undefined;
  return {
    ...component(
      { type: 'library', name: name!, version, ...(group === undefined ? {} : { group }) },
      `pkg:npm/${fullName.replace('@', '%40')}@${version}`,
    ),
    ...(digest === undefined ? {} : { hashes: [{ alg: 'SHA-512', content: digest }] }),
    ...(license === undefined ? {} : { licenses: [{ expression: license }] }),
  };
}

const debianComponent = ({ name, version, architecture }: DebianPackage): Component =>
  component({ type: 'library', name, version }, `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${architecture}`);

const component = (part: Pick<Component, 'type' | 'name' | 'version' | 'group'>, purl: string): Component => ({
  ...part,
  'bom-ref': purl,
  purl,
});
