// What the set-up cannot do by itself: the message says exactly what to do.

export class SetUpProblem extends Error {}
