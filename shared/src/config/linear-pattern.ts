// Regular expressions that cannot run away: a subset, matched in time linear in the text (K. Thompson, CACM 11(6), 1968).
// A rule is written by an administrator and its text comes from the network: with a backtracking engine the two could stop the router.

export const MAX_PATTERN = 200;
/** Together with texts of at most 1024 characters a match stays in the order of milliseconds. */
const MAX_STATES = 1000;
const MAX_REPEAT = 100;

export interface LinearPattern {
  /** Whether the whole text is of this pattern. */
  matches(text: string): boolean;
}

type Accepts = (character: string) => boolean;
type Node =
  | { kind: 'one'; accepts: Accepts }
  | { kind: 'sequence'; parts: Node[] }
  | { kind: 'choice'; choices: Node[] }
  | { kind: 'repeat'; node: Node; least: number; most: number };

/** `accepts` undefined: goes on to each of `next` without a character; without `next`: the end. */
interface State {
  readonly accepts?: Accepts;
  next: State[];
}

/**
 * Literals, `.`, `[a-z]`, `[^a-z]`, `\d \w \s \D \W \S`, escaped punctuation, `( )`, `(?: )`, `|`, `* + ? {n} {n,} {n,m}`.
 * The whole text must match; `^` at the start and `$` at the end may be written and change nothing.
 * Throws an Error that says what cannot be used and where.
 */
export function compilePattern(pattern: string): LinearPattern {
  if (pattern.length > MAX_PATTERN) throw new Error(`it has ${pattern.length} characters, at most ${MAX_PATTERN} are allowed`);
  const end: State = { next: [] };
  const builder = new Builder();
  const start = builder.build(new Parser(pattern).parse(), end);
  return { matches: (text) => run(start, end, text) };
}

function run(start: State, end: State, text: string): boolean {
  let states = reachable([start]);
  for (const character of text) {
    const next: State[] = [];
    for (const state of states) if (state.accepts?.(character)) next.push(...state.next);
    if (next.length === 0) return false;
    states = reachable(next);
  }
  return states.has(end);
}

/** The states, and all that are reached from them without a character. */
function reachable(states: State[]): Set<State> {
  const found = new Set<State>();
  const open = [...states];
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    if (found.has(state)) continue;
    found.add(state);
    if (state.accepts === undefined) open.push(...state.next);
  }
  return found;
}

class Builder {
  #states = 0;

  /** The state from which the node leads to `next`. */
  build(node: Node, next: State): State {
    if (node.kind === 'one') return this.#state([next], node.accepts);
    if (node.kind === 'choice') return this.#state(node.choices.map((choice) => this.build(choice, next)));
    if (node.kind === 'sequence') return node.parts.reduceRight((after, part) => this.build(part, after), next);
    return this.#repeat(node, next);
  }

  #repeat({ node, least, most }: Extract<Node, { kind: 'repeat' }>, next: State): State {
    let first = next;
    if (most === Number.POSITIVE_INFINITY) {
      first = this.#state([next]);
      first.next = [this.build(node, first), next];
    } else for (let left = most - least; left > 0; left--) first = this.#state([this.build(node, first), next]);
    for (let left = least; left > 0; left--) first = this.build(node, first);
    return first;
  }

  #state(next: State[], accepts?: Accepts): State {
    this.#states += 1;
    if (this.#states > MAX_STATES) throw new Error(`it unfolds to more than ${MAX_STATES} steps: repeat less`);
    return { next, accepts };
  }
}

const isDigit: Accepts = (c) => c >= '0' && c <= '9';
const isWord: Accepts = (c) => /^[A-Za-z0-9_]$/.test(c);
const isSpace: Accepts = (c) => c.trim() === '';
const CLASSES: Record<string, Accepts> = {
  d: isDigit,
  w: isWord,
  s: isSpace,
  D: (c) => !isDigit(c),
  W: (c) => !isWord(c),
  S: (c) => !isSpace(c),
};

class Parser {
  readonly #characters: string[];
  #at = 0;

  constructor(pattern: string) {
    this.#characters = [...pattern];
  }

  parse(): Node {
    if (this.#peek() === '^') this.#at += 1;
    const node = this.#choice();
    if (this.#peek() === '$' && this.#at === this.#characters.length - 1) this.#at += 1;
    if (this.#at < this.#characters.length) throw this.#refusal(`${this.#peek()} is out of place`);
    return node;
  }

  #choice(): Node {
    const choices = [this.#sequence()];
    while (this.#take('|')) choices.push(this.#sequence());
    return { kind: 'choice', choices };
  }

  #sequence(): Node {
    const parts: Node[] = [];
    for (let next = this.#peek(); next !== undefined && !'|)$'.includes(next); next = this.#peek()) parts.push(this.#quantified());
    return { kind: 'sequence', parts };
  }

  #quantified(): Node {
    const node = this.#atom();
    const bounds = this.#quantifier();
    if (bounds === undefined) return node;
    this.#take('?'); // lazy or not: the whole text matches or it does not
    if (this.#quantifier() !== undefined) throw this.#refusal('two repetitions follow each other');
    return { kind: 'repeat', node, ...bounds };
  }

  #quantifier(): { least: number; most: number } | undefined {
    if (this.#take('*')) return { least: 0, most: Number.POSITIVE_INFINITY };
    if (this.#take('+')) return { least: 1, most: Number.POSITIVE_INFINITY };
    if (this.#take('?')) return { least: 0, most: 1 };
    if (this.#peek() !== '{') return undefined;
    const parts = /^\{(\d{1,3})(,(\d{1,3})?)?\}/.exec(this.#characters.slice(this.#at).join(''));
    if (parts === null) throw this.#refusal('{ is out of place: write {n}, {n,} or {n,m}, or \\{ for the character');
    this.#at += parts[0].length;
    const least = Number(parts[1]);
    const most = parts[2] === undefined ? least : parts[3] === undefined ? Number.POSITIVE_INFINITY : Number(parts[3]);
    if (least > most || least > MAX_REPEAT || (most > MAX_REPEAT && most !== Number.POSITIVE_INFINITY))
      throw this.#refusal(`${parts[0]} is out of bounds: at most ${MAX_REPEAT}, the smaller number first`);
    return { least, most };
  }

  #atom(): Node {
    const character = this.#next();
    if (character === '(') return this.#group();
    if (character === '[') return { kind: 'one', accepts: this.#set() };
    if (character === '.') return { kind: 'one', accepts: () => true };
    if (character === '\\') return { kind: 'one', accepts: this.#escape() };
    if ('*+?{}^'.includes(character)) throw this.#refusal(`${character} is out of place`);
    return { kind: 'one', accepts: (c) => c === character };
  }

  #group(): Node {
    if (this.#take('?') && !this.#take(':')) throw this.#refusal('look-around and named groups cannot be used');
    const node = this.#choice();
    if (!this.#take(')')) throw this.#refusal('a ) is missing');
    return node;
  }

  #escape(): Accepts {
    const character = this.#next();
    if (Object.hasOwn(CLASSES, character)) return CLASSES[character]!;
    if (/[A-Za-z0-9]/.test(character)) throw this.#refusal(`\\${character} cannot be used`);
    return (c) => c === character;
  }

  #set(): Accepts {
    const negated = this.#take('^');
    const members: Accepts[] = [];
    while (members.length === 0 || this.#peek() !== ']') members.push(this.#member());
    this.#at += 1;
    return (c) => members.some((member) => member(c)) !== negated;
  }

  #member(): Accepts {
    const from = this.#next();
    if (from === '\\') return this.#escape();
    if (this.#peek() !== '-' || this.#characters[this.#at + 1] === ']') return (c) => c === from;
    this.#at += 1;
    const to = this.#next();
    if (to === '\\' || to < from) throw this.#refusal(`the range ${from}-${to} is out of order`);
    return (c) => [...c].length === 1 && c.codePointAt(0)! >= from.codePointAt(0)! && c.codePointAt(0)! <= to.codePointAt(0)!;
  }

  #peek(): string | undefined {
    return this.#characters[this.#at];
  }

  #take(character: string): boolean {
    if (this.#peek() !== character) return false;
    this.#at += 1;
    return true;
  }

  #next(): string {
    const character = this.#peek();
    if (character === undefined) throw this.#refusal('it ends too early');
    this.#at += 1;
    return character;
  }

  #refusal(problem: string): Error {
    return new Error(`${problem} (near character ${this.#at + 1})`);
  }
}
