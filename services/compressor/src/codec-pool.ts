// A fixed number of codec threads under a watchdog: a thread that hangs, crashes, fails or has grown is ended and replaced.
// Own code and not a general pool, because a thread must be replaced after any codec failure (its WASM memory may be damaged) and
// because the time limit must begin when a frame begins, not when it queues.
import { Worker } from 'node:worker_threads';
import { CodecFailure } from './codec-failure.ts';
import { FrameNotSuitable } from './codec-samples.ts';
import type { DecodeTask, FrameAnswer, FrameTask } from './codec-worker.ts';
import type { DecodedFrame } from './decode-frame.ts';
import type { EncodedFrame } from './frame-codec.ts';
import { PrioritySemaphore } from './priority-semaphore.ts';

export interface CodecPoolOptions {
  readonly threads: number;
  /** The thread's program [codec-worker.ts]. */
  readonly program?: URL;
  /** How long a frame of so many bytes may take, ms [10 s and 2 s a MiB]. */
  readonly timeLimitMs?: (frameBytes: number) => number;
  /** WASM memory that all frames under way may take together, by estimate [256 MiB]; a larger frame runs alone. */
  readonly memoryBytes?: number;
  /** A thread whose WASM memory has grown beyond this is replaced: WASM memory never shrinks [96 MiB]. */
  readonly recycleAboveBytes?: number;
}

const MIB = 1024 * 1024;

/** A noisy 27 MB frame took 4.7 s with JPEG 2000 and 0.7 s with HTJ2K, encode and proof, on one shared core: 13 and more times less. */
const defaultTimeLimitMs = (frameBytes: number): number => 10_000 + (frameBytes / MIB) * 2_000;

/** WASM memory for each byte of a frame, measured with 27 MB and 67 MB frames of 12 bits (openjpeg 8.6, openjph 2.6), with the copies around it. */
const MEMORY_FACTOR = { 'jpeg2000-lossless': 11, 'htj2k-lossless': 6 };
const DECODING_MEMORY_FACTOR = 13;

export class CodecPool {
  readonly #options: Required<CodecPoolOptions>;
  readonly #turns: PrioritySemaphore;
  readonly #memory: PrioritySemaphore;
  readonly #idle: Worker[] = [];
  readonly #busy = new Set<Worker>();
  #closed = false;

  constructor(options: CodecPoolOptions) {
    const defaults = {
      program: new URL('./codec-worker.ts', import.meta.url),
      timeLimitMs: defaultTimeLimitMs,
      memoryBytes: 256 * MIB,
      recycleAboveBytes: 96 * MIB,
    };
    this.#options = { ...defaults, ...options };
    this.#turns = new PrioritySemaphore({ capacity: options.threads });
    this.#memory = new PrioritySemaphore({ capacity: this.#options.memoryBytes });
  }

  /** Threads alive now, idle or at work. */
  get threads(): number {
    return this.#idle.length + this.#busy.size;
  }

  /**
   * Encodes and proves one frame; lower `priority` goes first. `task.pixels` is transferred: the caller loses it.
   * Throws FrameNotSuitable, or CodecFailure (failed, proof failed, time limit, thread died); the pool itself stays usable.
   */
  async encode(task: FrameTask, priority: number): Promise<EncodedFrame> {
    const frameBytes = task.pixels.byteLength;
    const use = { priority, frameBytes, memoryBytes: frameBytes * MEMORY_FACTOR[task.syntax], buffer: task.pixels.buffer };
    const answer = await this.#turn(task, use);
    if (answer.kind !== 'encoded') throw new CodecFailure('the codec thread answered something else');
    return answer.frame;
  }

  /** Decodes one frame; lower `priority` goes first. `task.codestream` is transferred: the caller loses it. Throws as `encode`. */
  async decode(task: DecodeTask, priority: number): Promise<DecodedFrame> {
    const { frameBytes } = task.image;
    const use = { priority, frameBytes, memoryBytes: frameBytes * DECODING_MEMORY_FACTOR, buffer: task.codestream.buffer };
    const answer = await this.#turn(task, use);
    if (answer.kind !== 'decoded') throw new CodecFailure('the codec thread answered something else');
    return answer.frame;
  }

  /** Ends all threads; frames at work fail with CodecFailure. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#idle.splice(0), ...this.#busy].map((worker) => worker.terminate()));
  }

  #start(): Worker {
    const worker = new Worker(this.#options.program, { stdout: true, stderr: true });
    worker.stdout.resume();
    worker.stderr.resume();
    worker.on('error', () => {});
    worker.on('exit', () => this.#forget(worker));
    return worker;
  }

  /** A thread may also die while it is idle. */
  #forget(worker: Worker): void {
    const at = this.#idle.indexOf(worker);
    if (at !== -1) this.#idle.splice(at, 1);
  }

  async #turn(task: FrameTask | DecodeTask, use: Use): Promise<Answered> {
    const releaseTurn = await this.#turns.acquire(1, use.priority);
    const releaseMemory = await this.#memory.acquire(use.memoryBytes, use.priority);
    try {
      return await this.#now(task, use);
    } finally {
      releaseMemory();
      releaseTurn();
    }
  }

  async #now(task: FrameTask | DecodeTask, { frameBytes, buffer }: Use): Promise<Answered> {
    if (this.#closed) throw new CodecFailure('codec threads are shut down');
    const worker = this.#idle.pop() ?? this.#start();
    this.#busy.add(worker);
    let healthy = false;
    try {
      const answer = await ask(worker, { task, buffer }, this.#options.timeLimitMs(frameBytes));
      if (answer.kind === 'failed') throw new CodecFailure(answer.reason);
      healthy = answer.kind === 'not-suitable' || answer.memoryBytes <= this.#options.recycleAboveBytes;
      if (answer.kind === 'not-suitable') throw new FrameNotSuitable(answer.reason);
      return answer;
    } finally {
      this.#busy.delete(worker);
      if (healthy && !this.#closed) this.#idle.push(worker);
      else await worker.terminate();
    }
  }
}

/** What a frame takes while it is at work; `buffer` goes to the thread with it. */
interface Use {
  readonly priority: number;
  readonly frameBytes: number;
  readonly memoryBytes: number;
  readonly buffer: ArrayBuffer;
}

type Answered = Exclude<FrameAnswer, { kind: 'failed' | 'not-suitable' }>;

/** Resolves with the thread's answer; throws CodecFailure when it does not come in time or the thread dies. */
function ask(
  worker: Worker,
  { task, buffer }: { task: FrameTask | DecodeTask; buffer: ArrayBuffer },
  limitMs: number,
): Promise<FrameAnswer> {
  return new Promise<FrameAnswer>((resolve, reject) => {
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      act();
    };
    const fail = (reason: string, cause?: unknown) => settle(() => reject(new CodecFailure(reason, { cause })));
    const onMessage = (answer: FrameAnswer) => settle(() => resolve(answer));
    const onError = (error: unknown) => fail('codec thread failed', error);
    const onExit = (code: number) => fail(`codec thread ended with code ${code}`);
    const timer = setTimeout(() => fail(`no answer from the codec within ${Math.round(limitMs)} ms`), limitMs);
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
    worker.postMessage(task, [buffer]);
  });
}
