// Why the gateway cannot start, said so that its user can put it right.

/** Exit codes: 1 something is in the way (port, lock, missing program), 2 the gateway document or the environment is wrong. */
export class StartProblem extends Error {
  override readonly name = 'StartProblem';
  readonly exitCode: 1 | 2;
  constructor(message: string, exitCode: 1 | 2 = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}
