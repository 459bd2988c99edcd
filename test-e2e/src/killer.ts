// Carries out a plan of kills while instances are sent; senders wait for it when they are ahead of it.
import { setTimeout as pause } from 'node:timers/promises';
import { type GatewayUnderTest, isAlive } from './gateway-under-test.ts';
import { type Kill, WHOLE_GATEWAY } from './kill-plan.ts';

const LOOK_EVERY_MS = 20;

export class Killer {
  readonly done: Kill[] = [];
  readonly #gateway: GatewayUnderTest;
  readonly #plan: readonly Kill[];
  readonly #accepted: () => number;
  #stopped = false;

  /** `accepted`: instances accepted so far. */
  constructor(gateway: GatewayUnderTest, plan: readonly Kill[], accepted: () => number) {
    this.#gateway = gateway;
    this.#plan = plan;
    this.#accepted = accepted;
  }

  /** Resolves when all is done; a victim that is not there yet after an earlier kill is waited for. */
  async run(): Promise<void> {
    for (const kill of this.#plan) {
      while (!this.#stopped && this.#accepted() < kill.afterAccepted) await pause(LOOK_EVERY_MS);
      await pause(kill.delayMs);
      if (this.#stopped) return;
      await this.#kill(kill.victim);
      this.done.push(kill);
    }
  }

  /** Resolves when no kill is due that was not done: instances sent before are not what that kill is to meet. */
  async caughtUp(): Promise<void> {
    for (;;) {
      const next = this.#plan[this.done.length];
      if (this.#stopped || next === undefined || this.#accepted() < next.afterAccepted) return;
      await pause(LOOK_EVERY_MS);
    }
  }

  /** Ends a run that waits for instances that will not come. */
  stop(): void {
    this.#stopped = true;
  }

  async #kill(victim: string): Promise<void> {
    if (victim === WHOLE_GATEWAY) {
      await this.#gateway.killAll();
      return this.#gateway.start();
    }
    while (!this.#runs(victim)) await pause(LOOK_EVERY_MS);
    await this.#gateway.killService(victim);
  }

  #runs(victim: string): boolean {
    const pid = this.#gateway.pids().get(victim);
    return pid !== undefined && isAlive(pid);
  }
}
