// How far it is: a bar on a terminal, a line now and then elsewhere, and a summary at the end.
import type { Outcome } from './send-instances.ts';

const BAR_CHARACTERS = 30;
const DRAW_EVERY_MS = 100;
const LINE_EVERY_MS = 5_000;
const MEGABYTE = 1_000_000;

export class Progress {
  readonly #total: number;
  readonly #quiet: boolean;
  readonly #startedAt = performance.now();
  readonly #failures = new Map<string, number>();
  #accepted = 0;
  #answered = 0;
  #repeated = 0;
  #bytes = 0;
  #drawnAt = 0;

  constructor(total: number, quiet: boolean) {
    this.#total = total;
    this.#quiet = quiet;
  }

  get allAccepted(): boolean {
    return this.#accepted === this.#total;
  }

  count(outcome: Outcome): void {
    this.#answered++;
    if (outcome.accepted && outcome.attempts > 1) this.#repeated++;
    if (outcome.accepted) {
      this.#accepted++;
      this.#bytes += outcome.instance.byteLength;
    } else {
      const reason = outcome.comment ? `${outcome.status} (${outcome.comment})` : outcome.status;
      this.#failures.set(reason, (this.#failures.get(reason) ?? 0) + 1);
    }
    this.#draw();
  }

  summary(): string {
    const seconds = this.#seconds();
    const rate = `${(this.#answered / seconds).toFixed(0)} instances/s, ${(this.#bytes / MEGABYTE / seconds).toFixed(1)} MB/s`;
    const lines = [`${this.#accepted} of ${this.#total} accepted in ${seconds.toFixed(1)} s (${rate})`];
    if (this.#repeated > 0) lines.push(`${this.#repeated} were accepted only when sent again`);
    for (const [reason, count] of this.#failures) lines.push(`${count} failed: ${reason}`);
    return `${process.stderr.isTTY && !this.#quiet ? '\r\x1b[K' : ''}${lines.join('\n')}`;
  }

  #draw(): void {
    const every = process.stderr.isTTY ? DRAW_EVERY_MS : LINE_EVERY_MS;
    const now = performance.now();
    if (this.#quiet || now - Math.max(this.#drawnAt, process.stderr.isTTY ? 0 : this.#startedAt) < every) return;
    this.#drawnAt = now;
    process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${this.#bar()}` : `${this.#bar()}\n`);
  }

  #bar(): string {
    const share = this.#answered / this.#total;
    const filled = Math.round(share * BAR_CHARACTERS);
    const bar = '#'.repeat(filled) + '-'.repeat(BAR_CHARACTERS - filled);
    const seconds = this.#seconds();
    const failed = this.#answered - this.#accepted;
    return `[${bar}] ${this.#answered}/${this.#total}  ${(this.#answered / seconds).toFixed(0)}/s${failed > 0 ? `  ${failed} failed` : ''}`;
  }

  #seconds(): number {
    return Math.max(0.001, (performance.now() - this.#startedAt) / 1000);
  }
}
