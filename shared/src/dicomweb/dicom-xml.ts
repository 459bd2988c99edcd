// The Native DICOM Model (PS3.19 section A.1), as archives answer it although JSON was asked for: a small reader of XML that knows no DTD, no entities but the five of
// XML itself, and no end of anything that is not bounded.
import type { DicomJson, DicomJsonElement } from './dicom-json.ts';

/** The body is not a Native DICOM Model. The message never shows a value. */
export class DicomXmlError extends Error {
  override readonly name = 'DicomXmlError';
}

/** Items are two levels; answers nest twice. */
const MAX_DEPTH = 64;
/** An answer about 10,000 instances has some 120,000. */
const MAX_NODES = 500_000;

interface Node {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: Node[];
  text: string;
}

/** One data set, in the shape that DICOM JSON has (dicom-json.ts); names of persons and inline binary values are left out. Throws DicomXmlError. */
export function parseNativeModel(text: string): DicomJson {
  const root = parseXml(text.replace(/^\ufeff/, ''));
  if (root.name !== 'NativeDicomModel') throw new DicomXmlError('the root is not NativeDicomModel');
  return dataSetOf(root);
}

const TAG = /^[0-9A-Fa-f]{8}$/;
const VR = /^[A-Z]{2}$/;

function dataSetOf(node: Node): DicomJson {
  const dataSet: Record<string, DicomJsonElement> = {};
  for (const child of node.children) {
    const tag = child.attributes.get('tag') ?? '';
    const vr = child.attributes.get('vr') ?? '';
    if (child.name === 'DicomAttribute' && TAG.test(tag) && VR.test(vr)) dataSet[tag.toUpperCase()] = { vr, Value: valuesOf(child) };
  }
  return dataSet;
}

const valuesOf = ({ children }: Node): (string | DicomJson)[] =>
  children
    .filter(({ name }) => name === 'Item' || name === 'Value')
    .map((child) => (child.name === 'Item' ? dataSetOf(child) : child.text));

/** White space, name, "=", value in either quotes. */
const ATTRIBUTE = /\s+([^\s=<>"'/]+)\s*=\s*(?:"([^"<]*)"|'([^'<]*)')/y;
const NAME = /[A-Za-z_][\w.:-]*/y;
const TAG_END = /\s*(\/?)>/y;
/** What is passed over: its beginning and its end. */
const PASSED_OVER: readonly (readonly [string, string])[] = [
  ['<!--', '-->'],
  ['<?', '?>'],
];
const CDATA = '<![CDATA[';

/** The root element. Linear in the length of the text. */
function parseXml(text: string): Node {
  const document: Node = { name: '', attributes: new Map(), children: [], text: '' };
  const open = [document];
  let nodes = 0;
  for (let at = 0; at < text.length; ) {
    const inner = open.at(-1)!;
    if (text[at] !== '<') {
      const end = endAt(text, '<', at);
      inner.text += decoded(text.slice(at, end));
      at = end;
    } else if (text.startsWith(CDATA, at)) {
      const end = endOf(text, ']]>', at);
      inner.text += text.slice(at + CDATA.length, end - 3);
      at = end;
    } else if (text.startsWith('</', at)) {
      at = closed(text, at, open);
    } else {
      const passed = PASSED_OVER.find(([begin]) => text.startsWith(begin, at));
      if (passed !== undefined) {
        at = endOf(text, passed[1], at);
        continue;
      }
      nodes += 1;
      if (nodes > MAX_NODES || open.length > MAX_DEPTH) throw new DicomXmlError('too many elements, or too deep');
      at = opened(text, at, open);
    }
  }
  const [root] = document.children;
  if (open.length > 1 || root === undefined) throw new DicomXmlError('the document ends early');
  if (document.children.length > 1 || document.text.trim() !== '') throw new DicomXmlError('text or elements beside the root');
  return root;
}

/** Reads a start tag at `at` and puts the element into the one that is open. A DOCTYPE is no name, so it is refused here. */
function opened(text: string, at: number, open: Node[]): number {
  const name = match(NAME, text, at + 1)?.[0];
  if (name === undefined) throw new DicomXmlError('markup that is no element');
  const attributes = new Map<string, string>();
  let next = at + 1 + name.length;
  for (let found = match(ATTRIBUTE, text, next); found !== undefined; found = match(ATTRIBUTE, text, next)) {
    attributes.set(found[1]!, decoded(found[2] ?? found[3] ?? ''));
    next += found[0].length;
  }
  const end = match(TAG_END, text, next);
  if (end === undefined) throw new DicomXmlError('a start tag that is malformed');
  const node: Node = { name: localName(name), attributes, children: [], text: '' };
  open.at(-1)!.children.push(node);
  if (end[1] === '') open.push(node);
  return next + end[0].length;
}

function closed(text: string, at: number, open: Node[]): number {
  const end = endOf(text, '>', at);
  const name = localName(text.slice(at + 2, end - 1).trimEnd());
  if (open.length === 1 || open.pop()!.name !== name) throw new DicomXmlError('an end tag without its start tag');
  return end;
}

/** Prefixes are not resolved: nothing but the model is looked for. */
const localName = (name: string): string => name.slice(name.indexOf(':') + 1);

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text) ?? undefined;
}

function endAt(text: string, mark: string, from: number): number {
  const at = text.indexOf(mark, from);
  return at < 0 ? text.length : at;
}

function endOf(text: string, mark: string, from: number): number {
  const at = text.indexOf(mark, from);
  if (at < 0) throw new DicomXmlError('the document ends early');
  return at + mark.length;
}

const NAMED: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

function decoded(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(/&([^;&]{0,12})(;?)/g, (_, entity: string, end: string) => {
    const character = end === ';' ? characterOf(entity) : undefined;
    if (character === undefined) throw new DicomXmlError('an entity that is not of XML itself');
    return character;
  });
}

function characterOf(entity: string): string | undefined {
  const code = /^#(?:(\d{1,7})|x([0-9A-Fa-f]{1,6}))$/.exec(entity);
  if (code === null) return Object.hasOwn(NAMED, entity) ? NAMED[entity] : undefined;
  const point = code[1] === undefined ? Number.parseInt(code[2]!, 16) : Number(code[1]);
  return point > 0 && point <= 0x10ffff ? String.fromCodePoint(point) : undefined;
}
