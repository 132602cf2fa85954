/** The items of a measure, made of the text that it names. */
import { show } from '../hostile-fields.ts';
import { Refused } from '../outcome.ts';
import type { MeasureWork, SpeedItem } from '../protocol/measure.ts';
import type { ByDigest, Measure, SpeedMeasure } from './measures.ts';
import { readDocuments } from './tasks/documents.ts';

/** What a record needs to be counted, apart from what was measured. */
export interface ItemFacts {
  /** Of items with choices: those choices, and the index of the right one. */
  readonly choices: readonly string[];
  readonly gold: number;
  /** Of items that are generated: what is asked for. */
  readonly references: readonly string[];
}

export interface MeasureItems {
  readonly work: MeasureWork;
  readonly facts: readonly ItemFacts[];
}

/** The text that a measure names; null if it needs none. */
export function sourceOf(measure: Measure): ByDigest | null {
  switch (measure.kind) {
    case 'rolling':
    case 'recall':
    case 'hidden':
      return measure.text;
    case 'choices':
    case 'continuation':
    case 'generate':
      return measure.items;
    case 'speed':
      return null;
    default:
      return measure satisfies never;
  }
}

const noFacts: ItemFacts = { choices: [], gold: -1, references: [] };

/**
 * @param source        the text that {@link sourceOf} names
 * @param contextTokens what the model was made for: the most input tokens unless the measure says it
 * @param seed          of the experiment
 * @throws Refused with `bad-request`
 */
export function itemsOfMeasure(
  measure: Measure,
  source: string,
  { contextTokens, seed }: { readonly contextTokens: number; readonly seed: number },
): MeasureItems {
  const lengthOf = (maxLength: number | null) => maxLength ?? contextTokens;
  switch (measure.kind) {
    case 'rolling':
    case 'hidden': {
      const { column, limit } = measure;
      const items =
        column === null ? [{ text: source }] : new Columns(source, measure.id, limit).texts(column);
      const facts = items.map(() => noFacts);
      const maxLength = lengthOf(measure.maxLength);
      if (measure.kind === 'hidden') return { facts, work: { kind: 'hidden', items, maxLength } };
      const { begin, promptTokens } = measure;
      return { facts, work: { kind: 'rolling', items, maxLength, begin, promptTokens } };
    }
    case 'choices': {
      const columns = new Columns(source, measure.id, measure.limit);
      const facts = columns.documents.map((_, i) => {
        const choices = columns.list(i, measure.choices);
        return { ...noFacts, choices, gold: columns.index(i, measure.gold, choices.length) };
      });
      const items = facts.map(({ choices }, i) => {
        const behind = (context: string) =>
          choices.map((choice) => ({ context, continuation: measure.delimiter + choice }));
        const alone = measure.mutualInfo ? behind('') : [];
        return { requests: [...behind(columns.text(i, measure.context)), ...alone] };
      });
      return { facts, work: { kind: 'likelihood', items, maxLength: lengthOf(measure.maxLength) } };
    }
    case 'continuation': {
      const columns = new Columns(source, measure.id, measure.limit);
      const items = columns.documents.map((_, i) => {
        if (measure.columns) {
          const context = columns.text(i, measure.columns.context);
          return { requests: [{ context, continuation: columns.text(i, measure.columns.continuation) }] };
        }
        const text = columns.text(i, 'text');
        const words = text.split(' ');
        const last = words.pop() ?? '';
        return { requests: [{ context: words.join(' '), continuation: ` ${last}` }] };
      });
      return {
        facts: items.map(() => noFacts),
        work: { kind: 'likelihood', items, maxLength: lengthOf(measure.maxLength) },
      };
    }
    case 'generate': {
      const columns = new Columns(source, measure.id, measure.limit);
      const { until, maxNewTokens } = measure;
      return {
        facts: columns.documents.map((_, i) => ({
          ...noFacts,
          references: columns.textOrList(i, measure.target),
        })),
        work: {
          kind: 'generate',
          items: columns.documents.map((_, i) => ({ context: columns.text(i, measure.context) })),
          until,
          maxNewTokens,
          maxLength: lengthOf(measure.maxLength),
        },
      };
    }
    case 'recall': {
      const { column, distances, repeats } = measure;
      const text =
        column === null
          ? source
          : new Columns(source, measure.id, null)
              .texts(column)
              .map((each) => each.text)
              .join('\n');
      const items = distances.flatMap((distance) =>
        Array.from({ length: repeats }, (_, repetition) => ({ distance, repetition })),
      );
      return { facts: items.map(() => noFacts), work: { kind: 'recall', text, items, seed } };
    }
    case 'speed': {
      const { rounds, budgetBytes } = measure;
      // Round by round, so that all shapes see the machine as it warms up.
      const items = Array.from({ length: rounds }, (_, round) =>
        shapesOf(measure).map((shape) => ({ ...shape, round })),
      ).flat();
      return { facts: items.map(() => noFacts), work: { kind: 'speed', items, budgetBytes } };
    }
    default:
      return measure satisfies never;
  }
}

/** What is timed in every round, in that order: every prompt, continuation and batch. */
export const shapesOf = ({ prompt, generate, batch }: SpeedMeasure): readonly Omit<SpeedItem, 'round'>[] =>
  prompt.flatMap((tokens) =>
    generate.flatMap((more) => batch.map((size) => ({ prompt: tokens, generate: more, batch: size }))),
  );

/** Documents whose columns are checked as they are read. */
class Columns {
  readonly documents: readonly Readonly<Record<string, unknown>>[];
  readonly #id: string;

  constructor(source: string, id: string, limit: number | null) {
    this.documents = readDocuments(source, id).slice(0, limit ?? undefined);
    this.#id = id;
  }

  text(i: number, column: string): string {
    const value = this.documents[i]?.[column];
    return typeof value === 'string' ? value : this.refuse(i, column, `${show(value)} is not a text`);
  }

  texts(column: string): { readonly text: string }[] {
    return this.documents.map((_, i) => ({ text: this.text(i, column) }));
  }

  list(i: number, column: string): readonly string[] {
    const value = this.documents[i]?.[column];
    if (Array.isArray(value) && value.length > 0) {
      return value.map((each: unknown) =>
        typeof each === 'string' ? each : this.refuse(i, column, `${show(each)} is not a text`),
      );
    }
    return this.refuse(i, column, `${show(value)} is not a list of texts`);
  }

  textOrList(i: number, column: string): readonly string[] {
    return Array.isArray(this.documents[i]?.[column]) ? this.list(i, column) : [this.text(i, column)];
  }

  index(i: number, column: string, below: number): number {
    const value = this.documents[i]?.[column];
    if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < below) return value;
    return this.refuse(i, column, `${show(value)} is not the index of one of ${below} choices`);
  }

  refuse(i: number, column: string, reason: string): never {
    throw new Refused({ code: 'bad-request', field: `${this.#id}: document ${i}, ${column}`, reason });
  }
}
