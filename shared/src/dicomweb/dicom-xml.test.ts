// What archives answer as XML is read like their JSON; what is no answer is refused, whatever it is, in bounded time.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DicomAnswerError, parseDicomAnswer } from './dicom-answer.ts';
import { integerValue, sequenceItems, uidValue } from './dicom-json.ts';
import { DicomXmlError, parseNativeModel } from './dicom-xml.ts';

const attribute = (tag: string, vr: string, content: string) =>
  `<DicomAttribute tag="${tag}" vr="${vr}" keyword="K">${content}</DicomAttribute>`;
const value = (text: string) => `<Value number="1">${text}</Value>`;
const ANSWER = `<?xml version="1.0" encoding="UTF-8"?>
<!-- answered by an archive -->
<NativeDicomModel xmlns="http://dicom.nema.org/PS3.19/models/NativeDICOM" xml:space="preserve">
  ${attribute('00081190', 'UR', value('https://a/studies?x=1&amp;y=2'))}
  ${attribute(
    '00081199',
    'SQ',
    `<Item number="1">${attribute('00081155', 'UI', value('1.2.3'))}${attribute('00081196', 'US', value('45056'))}</Item>
     <Item number="2">${attribute('00081155', 'UI', '<Value number="1"><![CDATA[1.2.4]]></Value>')}</Item>`,
  )}
  ${attribute('00081198', 'SQ', '')}
  ${attribute('00100010', 'PN', '<PersonName number="1"><Alphabetic><FamilyName>Doe</FamilyName></Alphabetic></PersonName>')}
</NativeDicomModel>`;

/** A generator of numbers below `most`, the same for the same seed. */
function drawing(seed: number): (most: number) => number {
  let state = seed;
  return (most) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state % most;
  };
}

describe('parseNativeModel', () => {
  it('reads values, numbers, items and escaped characters, with and without a prefix', () => {
    const prefixed = ANSWER.replaceAll(/<(\/?)(NativeDicomModel|DicomAttribute|Item|Value)/g, '<$1n:$2');
    for (const text of [ANSWER, `\ufeff${ANSWER}`, prefixed, ANSWER.replaceAll('"', "'")]) {
      const dataSet = parseNativeModel(text);
      const items = sequenceItems(dataSet, '00081199');
      assert.deepEqual(
        items.map((item) => uidValue(item, '00081155')),
        ['1.2.3', '1.2.4'],
      );
      assert.equal(integerValue(items[0]!, '00081196'), 45_056);
      assert.deepEqual(dataSet['00081190']?.Value, ['https://a/studies?x=1&y=2']);
      assert.deepEqual(dataSet['00081198']?.Value, []);
      assert.deepEqual(dataSet['00100010']?.Value, [], 'no name is kept');
    }
  });

  it('refuses what is not the model, unclosed, doubled, or wants something fetched or expanded', () => {
    const model = (inner: string) => `<NativeDicomModel>${inner}</NativeDicomModel>`;
    for (const text of [
      '',
      'Doe',
      '<html>Doe</html>',
      '<NativeDicomModel>',
      '</NativeDicomModel>',
      `${model('')}${model('')}`,
      model('<Value></Item>'),
      model('&Doe;'),
      model('&#0;'),
      model('&#x110000;'),
      model('& Doe'),
      model('<a b=Doe/>'),
      model('<![CDATA[Doe'),
      model('<!-- Doe'),
      `<!DOCTYPE x [<!ENTITY a "Doe">]>${model('')}`,
      `<!DOCTYPE x SYSTEM "file:///etc/passwd">${model('')}`,
      '<a>'.repeat(100) + '</a>'.repeat(100),
      `<NativeDicomModel>${'<a/>'.repeat(500_001)}</NativeDicomModel>`,
    ])
      assert.throws(
        () => parseNativeModel(text),
        (error: Error) => error instanceof DicomXmlError && !error.message.includes('Doe'),
        text.slice(0, 60),
      );
  });

  it('reads or refuses 20,000 altered answers, and nothing else happens', () => {
    const draw = drawing(20_260_101);
    const pieces = [
      '<',
      '>',
      '/',
      '"',
      '&',
      ';',
      ' ',
      'a',
      '<!--',
      ']]>',
      '<![CDATA[',
      '<Item>',
      '</Item>',
      '=',
      '\0',
      '&#x41;',
      '<?',
      '<n:Value',
    ];
    let read = 0;
    for (let round = 0; round < 20_000; round += 1) {
      let text = ANSWER;
      for (let change = draw(4); change >= 0; change -= 1) {
        const at = draw(text.length);
        text = text.slice(0, at) + pieces[draw(pieces.length)]! + text.slice(at + draw(12));
      }
      try {
        parseNativeModel(text);
        read += 1;
      } catch (error) {
        assert.ok(error instanceof DicomXmlError, `${(error as Error).stack}\n${text}`);
      }
    }
    assert.ok(read > 500 && read < 15_000, `${read} were read`);
  });

  it('takes time in proportion to the length, whatever is in it', () => {
    for (const piece of ['<a ', '&', '<!--', ' ', '<a b="', 'a=', '<![CDATA[', "<a\n b='c' "]) {
      const length = 2_000_000;
      assert.throws(() => parseNativeModel(`<NativeDicomModel>${piece.repeat(length / piece.length)}`), DicomXmlError, piece);
    }
  });
});

describe('parseDicomAnswer', () => {
  const json = JSON.stringify({ '00080018': { vr: 'UI', Value: ['1.2.3'] } });
  const xml = `<NativeDicomModel>${attribute('00080018', 'UI', value('1.2.3'))}</NativeDicomModel>`;
  const multipart = `--b\r\nContent-Type: application/dicom+xml\r\n\r\n${xml}\r\n--b\r\nContent-Type: application/dicom+xml\r\n\r\n${xml}\r\n--b--`;
  const parse = (text: string, type?: string) => parseDicomAnswer(Buffer.from(text), type);

  it('reads JSON and XML, alone and in parts, by the Content-Type or without one', async () => {
    const answers = [
      [json, 'application/dicom+json; charset=utf-8', 1],
      [`[${json}]`, 'application/json', 1],
      [json, undefined, 1],
      [xml, 'application/dicom+xml', 1],
      [xml, 'text/xml;charset=UTF-8', 1],
      [`\n${xml}`, undefined, 1],
      [multipart, 'multipart/related; type="application/dicom+xml"; boundary=b', 2],
      ['', 'application/dicom+json', 0],
      ['', undefined, 0],
    ] as const;
    for (const [text, type, count] of answers) {
      const dataSets = await parse(text, type);
      assert.deepEqual(
        dataSets.map((one) => uidValue(one, '00080018')),
        Array.from({ length: count }, () => '1.2.3'),
        String(type),
      );
    }
  });

  it('believes a Content-Type that says something else, and refuses what is not what it says', async () => {
    const answers = [
      [json, 'text/html'],
      [json, 'text/plain'],
      [json, 'application/dicom+xml'],
      [xml, 'application/dicom+json'],
      [json, 'no type at all'],
      [multipart.slice(0, -20), 'multipart/related; boundary=b'],
      [`--b\r\nContent-Type: multipart/related; boundary=c\r\n\r\n${multipart}\r\n--b--`, 'multipart/related; boundary=b'],
    ] as const;
    for (const [text, type] of answers) await assert.rejects(parse(text, type), DicomAnswerError, type);
  });
});
