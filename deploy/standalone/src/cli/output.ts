// What a command says: for a person, or the API's answer as it is.

export class Output {
  readonly json: boolean;
  readonly #write: (text: string) => void;
  readonly #warn: (text: string) => void;

  constructor(json: boolean, write: (text: string) => void, warn: (text: string) => void) {
    this.json = json;
    this.#write = write;
    this.#warn = warn;
  }

  /** The answer as JSON when that was asked for, else the text. */
  show(answer: unknown, text: () => string): void {
    this.#write(`${this.json ? JSON.stringify(answer, null, 2) : text()}\n`);
  }

  /** Words on the way to the answer; not said where JSON is wanted. */
  say(text: string): void {
    if (!this.json) this.#write(`${text}\n`);
  }

  /** To the error stream, in either form. */
  warn(text: string): void {
    this.#warn(`${text}\n`);
  }
}
