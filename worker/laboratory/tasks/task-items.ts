/** The items of a task: what lm-evaluation-harness makes of its documents. */
import { show } from '../../hostile-fields.ts';
import { Refused } from '../../outcome.ts';
import { reprOf } from '../../text/jinja/values.ts';
import type { TextPair } from '../../protocol/measure.ts';
import type { DocumentRule, Task } from './task-file.ts';
import { applyTemplate, fromJson, literal, type Document } from './task-template.ts';

export interface TaskItem {
  readonly document: Document;
  /** What `doc_to_target` gives. */
  readonly target: unknown;
  /** The harness's requests: contexts and continuations; those of a whole text have no continuation. */
  readonly requests: readonly TextPair[];
  readonly choices: readonly string[];
  /** The indices of the right choices; −1 stands for one that is none of them. */
  readonly gold: readonly number[];
  /** Whether the choices are contexts, and the target their one continuation. */
  readonly choosesContext: boolean;
}

const isDigits = (text: string) => /^[\p{Nd}²³¹⁰-⁹₀-₉]+$/u.test(text);
const isWhole = (value: unknown): value is number => typeof value === 'number' && Number.isInteger(value);

/** `str(value)` */
export const pythonText = (value: unknown): string =>
  typeof value === 'string' ? value : reprOf(fromJson(value), () => undefined);

/**
 * @param documents of the split that is evaluated
 * @param examples  of the split that examples come from
 * @throws Refused with `bad-request`, naming the field
 */
export function itemsOf(
  task: Task,
  documents: readonly Document[],
  examples: readonly Document[],
): readonly TaskItem[] {
  return new Items(task, documents, examples).all();
}

class Items {
  readonly #task: Task;
  readonly #documents: readonly Document[];
  readonly #examples: readonly Document[];
  readonly #columns: ReadonlySet<string>;
  readonly #choosesContext: boolean;
  readonly #severalTargets: boolean;

  constructor(task: Task, documents: readonly Document[], examples: readonly Document[]) {
    this.#task = task;
    this.#documents = documents;
    this.#columns = new Set(Object.keys(documents[0] ?? {}));
    this.#examples = (task.fewshotSamples ?? examples).slice(0, task.fewshotCount);
    if (this.#examples.length < task.fewshotCount) {
      this.#refuse('num_fewshot', `there are only ${this.#examples.length} documents for examples`);
    }
    const [first] = documents;
    // The harness decides by the first document.
    this.#choosesContext = first !== undefined && task.docToChoice !== null && isWhole(this.#text(first));
    this.#severalTargets = first !== undefined && Array.isArray(this.#target(first));
  }

  all(): readonly TaskItem[] {
    const examples = this.#examples.map((example) => this.#example(example)).join('');
    return this.#documents.map((document) => this.#item(document, examples));
  }

  #item(document: Document, examples: string): TaskItem {
    const { outputType, targetDelimiter, metrics } = this.#task;
    const target = this.#target(document);
    const plain = { document, target, choosesContext: false } as const;
    if (outputType === 'loglikelihood_rolling') {
      const context = this.#textOf(target, 'doc_to_target');
      return { ...plain, requests: [{ context, continuation: '' }], choices: [], gold: [] };
    }
    const before = this.#description(document) + examples;
    const text = this.#text(document);
    if (outputType === 'loglikelihood') {
      const context = before + this.#textOf(text, 'doc_to_text');
      const continuation = this.#textOf(target, 'doc_to_target');
      return { ...plain, requests: [{ context, continuation }], choices: [], gold: [] };
    }
    if (outputType === 'generate_until') {
      const context = before + this.#textOf(text, 'doc_to_text');
      return { ...plain, requests: [{ context, continuation: '' }], choices: [], gold: [] };
    }
    const choices = this.#choices(document);
    const requests = this.#choosesContext
      ? choices.map((choice) => ({
          context: before + choice,
          continuation: targetDelimiter + pythonText(target),
        }))
      : choices.map((choice) => ({
          context: before + this.#textOf(text, 'doc_to_text'),
          continuation: targetDelimiter + choice,
        }));
    const alone = metrics.some(({ name }) => name === 'acc_mutual_info')
      ? choices.map((choice) => ({ context: '', continuation: targetDelimiter + choice }))
      : [];
    const gold = this.#choosesContext ? text : target;
    return {
      document,
      target,
      requests: [...requests, ...alone],
      choices,
      gold:
        this.#severalTargets && Array.isArray(gold)
          ? gold.map((each: unknown) => goldIndex(each, choices))
          : [goldIndex(gold, choices)],
      choosesContext: this.#choosesContext,
    };
  }

  #description(document: Document): string {
    const { description } = this.#task;
    if (description === '') return '';
    return this.#columns.has(description)
      ? this.#textOf(document[description], 'description')
      : applyTemplate(description, document, 'description');
  }

  /** One example: its context, the delimiter, its answer, and the delimiter between examples. */
  #example(document: Document): string {
    const { docToChoice, targetDelimiter, fewshotDelimiter } = this.#task;
    const choices = docToChoice === null ? null : this.#choices(document);
    const text = this.#text(document);
    const target = this.#target(document);
    const question = this.#choosesContext && choices && isWhole(text) ? choices[text] : text;
    const context = this.#textOf(question, 'doc_to_text');
    if (target === null || target === '') return context;
    const answer =
      choices && !this.#choosesContext && isWhole(target)
        ? choices[target]
        : Array.isArray(target)
          ? (target[0] as unknown)
          : target;
    return context + targetDelimiter + this.#textOf(answer, 'doc_to_target') + fewshotDelimiter;
  }

  #text(document: Document): unknown {
    const rule = this.#task.docToText;
    const found = this.#found(rule, document, 'doc_to_text');
    if (found.from !== 'template') return found.value;
    return isDigits(found.value) && this.#task.docToChoice !== null ? Number(found.value) : found.value;
  }

  #target(document: Document): unknown {
    const found = this.#found(this.#task.docToTarget, document, 'doc_to_target');
    if (found.from !== 'template') return found.value;
    const text = found.value;
    if (isDigits(text) && this.#task.docToChoice !== null) return Number(text);
    if (text.length >= 2 && text.startsWith('[') && text.endsWith(']')) {
      try {
        return literal(text, 'doc_to_target');
      } catch {
        return text;
      }
    }
    return text;
  }

  #choices(document: Document): readonly string[] {
    const found = this.#found(this.#task.docToChoice, document, 'doc_to_choice');
    const value = found.from === 'template' ? literal(found.value, 'doc_to_choice') : found.value;
    if (!Array.isArray(value) || value.length === 0) {
      return this.#refuse('doc_to_choice', `${show(value)} is not a list of choices`);
    }
    return value.map((choice: unknown) => this.#textOf(choice, 'doc_to_choice'));
  }

  #found(
    rule: DocumentRule,
    document: Document,
    field: string,
  ):
    | { readonly from: 'template'; readonly value: string }
    | { readonly from: 'data'; readonly value: unknown } {
    if (rule === null) return this.#refuse(field, 'the field is missing');
    if (typeof rule !== 'string') return { from: 'data', value: rule };
    if (this.#columns.has(rule)) return { from: 'data', value: document[rule] ?? null };
    return { from: 'template', value: applyTemplate(rule, document, field) };
  }

  #textOf(value: unknown, field: string): string {
    if (typeof value === 'string') return value;
    return this.#refuse(field, `${show(value)} is not a text`);
  }

  #refuse(field: string, reason: string): never {
    throw new Refused({ code: 'bad-request', field: `${this.#task.name}.${field}`, reason });
  }
}

function goldIndex(gold: unknown, choices: readonly string[]): number {
  if (typeof gold === 'string') return choices.indexOf(gold);
  return isWhole(gold) && gold < choices.length ? gold : -1;
}
