// Why there is no association: the peer said no, or it is gone.

/** The peer said no to the whole association. `transient`: PS3.8 result 2. */
export class AssociationRejected extends Error {
  override readonly name = 'AssociationRejected';
  readonly transient: boolean;
  readonly source: number;
  readonly reason: number;
  constructor(answer: { result: number; source: number; reason: number }) {
    super(`association rejected: result ${answer.result}, source ${answer.source}, reason ${answer.reason} (PS3.8 table 9-21)`);
    this.transient = answer.result === 2;
    this.source = answer.source;
    this.reason = answer.reason;
  }
}

/** Connection refused or lost, aborted by the peer, timed out. What was under way has an unknown outcome. */
export class AssociationLost extends Error {
  override readonly name = 'AssociationLost';
}
