// Matching of QIDO-RS (PS3.4 section C.2.2.2) as conditions in SQL. Every value is a parameter; names come from a table of ours only.

export interface HoldingsCriterion {
  /** Of QUERY_ATTRIBUTES. */
  readonly keyword: string;
  readonly vr: string;
  readonly value: string;
}

const COLUMNS: Readonly<Record<string, string>> = {
  StudyInstanceUID: 'x.study_instance_uid',
  SeriesInstanceUID: 'x.series_instance_uid',
  SOPInstanceUID: 'x.sop_instance_uid',
  SOPClassUID: 'x.sop_class_uid',
  AvailableTransferSyntaxUID: 'x.transfer_syntax_uid',
};

export class SqlCriteria {
  readonly values: unknown[];

  constructor(values: readonly unknown[]) {
    this.values = [...values];
  }

  /** The parameter's name. */
  put(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }

  /** On the instance `x`; `modalities`: the expression for Modalities in Study, where that can be asked. */
  conditions(criteria: readonly HoldingsCriterion[], modalities = `''`): string {
    return criteria.length === 0 ? 'true' : criteria.map((criterion) => this.#condition(criterion, modalities)).join(' AND ');
  }

  /** One of the values, joined by a backslash, must match. */
  #condition({ keyword, vr, value }: HoldingsCriterion, modalities: string): string {
    const present = keyword === 'ModalitiesInStudy' ? modalities : (COLUMNS[keyword] ?? `x.attributes->>${this.put(keyword)}::text`);
    return `EXISTS (SELECT FROM unnest(string_to_array(${present}, '\\')) AS v(value) WHERE v.value <> '' AND ${this.#test(vr, value)})`;
  }

  #test(vr: string, asked: string): string {
    if (vr === 'UI') return `v.value = ANY(${this.put(asked.split(/[,\\]/))}::text[])`;
    if ((vr === 'DA' || vr === 'TM') && asked.includes('-')) return this.#range(asked);
    if (vr === 'IS') return `ltrim(v.value, '0 +') = ${this.put(asked.replace(/^[0 +]+/, ''))}::text`;
    // Names match without regard to case (PS3.4 section C.2.2.2.1), whatever locale the database was made with.
    const [value, wanted] = vr === 'PN' ? ['lower(v.value COLLATE "und-x-icu")', asked.toLowerCase()] : ['v.value', asked];
    return /[*?]/.test(wanted) ? `${value} LIKE ${this.put(likePattern(wanted))}::text` : `${value} = ${this.put(wanted)}::text`;
  }

  /** PS3.4 section C.2.2.2.5: either end may be open. A time is compared to the precision that the bound has. */
  #range(asked: string): string {
    const [from = '', to = ''] = asked.split('-');
    const compared = (bound: string, operator: '>=' | '<='): string[] => {
      if (bound === '') return [];
      const parameter = this.put(bound);
      return [`left(v.value, length(${parameter}::text)) COLLATE "C" ${operator} ${parameter}::text`];
    };
    return ['true', ...compared(from, '>='), ...compared(to, '<=')].join(' AND ');
  }
}

/** PS3.4 section C.2.2.2.4: `*` any characters, `?` one. */
const likePattern = (asked: string): string =>
  asked
    .replace(/[\\%_]/g, '\\$&')
    .replace(/\*+/g, '%')
    .replaceAll('?', '_');
