// Keeps the listeners as the gateway document wants them: opens, changes and closes them, tries again what failed, and takes up new certificates.
// Associations that are open stay open whatever changes here.
import type { SecretReader } from '@causeway/shared/config/secret-reference';
import type { OpenListener, Scp } from '@causeway/shared/dicom/dimse/scp';
import { describeError } from '@causeway/shared/errors';
import type { Logger } from '@causeway/shared/logger';
import { CertificateWarnings } from './certificate-warnings.ts';
import { type CertificateFacts, readCertificate } from './listener-certificate.ts';
import type { WantedListener } from './wanted-listeners.ts';

export interface ListenersParts {
  readonly scp: Pick<Scp, 'listen'>;
  readonly readSecret: SecretReader;
  readonly log: Logger;
  /** ms since 1970. */
  readonly now: () => number;
}

export interface ListenerState {
  readonly id: string;
  readonly isOpen: boolean;
  /** The port in fact, while it is open. */
  readonly port: number;
  /** ms since 1970; only with TLS. */
  readonly expiresAt?: number;
}

/** One for each port: a listener that gets another id, other certificates or TLS at all keeps its port open. */
interface Kept {
  wanted: WantedListener;
  open?: OpenListener;
  /** What it was opened or last changed with. */
  applied?: string;
  certificate?: CertificateFacts;
  /** Found at the last look, and told. */
  problem?: { readonly text: string; isTold: boolean };
}

export class Listeners {
  readonly #parts: ListenersParts;
  readonly #kept = new Map<number, Kept>();
  readonly #warnings: CertificateWarnings;
  #running: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(parts: ListenersParts) {
    this.#parts = parts;
    this.#warnings = new CertificateWarnings(parts);
  }

  get state(): ListenerState[] {
    return [...this.#kept.values()].map(({ wanted, open, certificate }) => ({
      id: wanted.id,
      isOpen: open !== undefined,
      port: open?.port ?? wanted.port,
      ...(certificate === undefined ? {} : { expiresAt: certificate.expiresAt }),
    }));
  }

  /** Resolves when everything that can be opened is open. Never rejects. */
  apply(wanted: readonly WantedListener[]): Promise<void> {
    return this.#next(async () => {
      const byPort = new Map(wanted.map((one) => [one.port, one]));
      for (const one of wanted) if (byPort.get(one.port) !== one) this.#tellSamePort(one, byPort.get(one.port)!);
      await Promise.all([...this.#kept].filter(([port]) => !byPort.has(port)).map(([port, kept]) => this.#remove(port, kept)));
      for (const [port, one] of byPort) this.#kept.set(port, { ...this.#kept.get(port), wanted: one });
      await this.#lookAtAll();
    });
  }

  /** Tries again what failed, and takes up what changed in the files. Never rejects. */
  look(): Promise<void> {
    return this.#next(() => this.#lookAtAll());
  }

  /** Throws while no port is open at all: then nobody should be sent here. */
  check(): void {
    const states = this.state;
    if (!states.some(({ isOpen }) => isOpen))
      throw new Error(`no DICOM port is open (wanted: ${states.map(({ port }) => port).join(', ')})`);
  }

  /** Once it resolves, nothing is opened, changed or closed any more. What is open is closed by the drain of the SCP. */
  stop(): Promise<void> {
    this.#isStopped = true;
    return this.#running;
  }

  #next(work: () => Promise<void>): Promise<void> {
    this.#running = this.#running.then(() => (this.#isStopped ? undefined : work()));
    return this.#running;
  }

  async #lookAtAll(): Promise<void> {
    await Promise.all([...this.#kept.values()].map((kept) => this.#lookAt(kept)));
  }

  async #lookAt(kept: Kept): Promise<void> {
    try {
      await this.#bringAbout(kept);
      delete kept.problem;
    } catch (error) {
      this.#note(kept, describeError(error));
    }
    if (kept.certificate !== undefined) this.#warnings.look(kept.wanted.id, kept.certificate.expiresAt);
  }

  async #bringAbout(kept: Kept): Promise<void> {
    const { id, host, port, reusePort, proxyProtocol, tls } = kept.wanted;
    const certificate = tls === undefined ? undefined : await readCertificate(tls, this.#parts.readSecret);
    const settings = { id, proxyProtocol, tls: certificate?.tls };
    const applied = JSON.stringify(settings);
    if (kept.open !== undefined && kept.applied === applied) return;
    this.#refuseExpired(kept, certificate);
    const isNew = kept.open === undefined;
    if (kept.open === undefined) kept.open = await this.#parts.scp.listen({ ...settings, host, port, reusePort });
    else kept.open.change(settings);
    kept.applied = applied;
    this.#tellOpen(kept, certificate, isNew);
  }

  /** At a start an expired certificate is better than none: some peers do not look. It never takes the place of one that is valid. */
  #refuseExpired({ certificate: current }: Kept, next: CertificateFacts | undefined): void {
    const now = this.#parts.now();
    if (current === undefined || next === undefined || current.expiresAt <= now || next.expiresAt > now) return;
    throw new Error(`the new certificate has expired on ${dayOf(next.expiresAt)}`);
  }

  #tellOpen(kept: Kept, certificate: CertificateFacts | undefined, isNew: boolean): void {
    const { id, proxyProtocol } = kept.wanted;
    const until = certificate === undefined ? {} : { certificateUntil: dayOf(certificate.expiresAt) };
    const facts = { listener: id, port: kept.open?.port, tls: certificate !== undefined, proxyProtocol, ...until };
    this.#parts.log.info(facts, isNew ? 'listening' : 'listener changed: new connections are met with the new settings');
    if (certificate === undefined) delete kept.certificate;
    else kept.certificate = certificate;
  }

  /** Told once. While the one before works, only what is still wrong at the second look: files are replaced one after the other. */
  #note(kept: Kept, text: string): void {
    const isKnown = kept.problem?.text === text;
    const isTold = isKnown && kept.problem?.isTold === true;
    const tells = !isTold && (kept.open === undefined || isKnown);
    kept.problem = { text, isTold: isTold || tells };
    if (!tells) return;
    const { id: listener, port } = kept.wanted;
    const rest =
      kept.open === undefined ? 'is not open, which is tried again every few seconds' : 'goes on with the certificate and settings it had';
    this.#parts.log.warn({ listener, port, reason: text }, `listener ${listener} on port ${port} ${rest}`);
  }

  #tellSamePort({ id, port }: WantedListener, other: WantedListener): void {
    this.#parts.log.warn({ listener: id, port }, `listener ${id} is not opened: listener ${other.id} has the same port ${port}`);
  }

  async #remove(port: number, { wanted, open }: Kept): Promise<void> {
    this.#kept.delete(port);
    await open?.close();
    this.#parts.log.info({ listener: wanted.id, port }, 'listener closed: its open associations go on');
  }
}

const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
