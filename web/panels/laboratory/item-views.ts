/** What was asked of an item and what came out, ready to be shown. All texts are plain text. */
import { argmax } from '../../../worker/laboratory/tasks/task-metrics.ts';
import { shortNumber } from '../../../worker/laboratory/export-summary.ts';
import type { ItemFacts, MeasureItems } from '../../../worker/laboratory/measure-items.ts';
import type { Measured, MeasureWork } from '../../../worker/protocol/measure.ts';
import { peerMemory } from '../../experiments/peers/peer-words.ts';
import { formatCount } from '../../ui/format.ts';
import { words } from './words.ts';

export interface ChoiceView {
  readonly text: string;
  readonly logLikelihood: string;
  readonly tokens: string;
  readonly cut: string;
  readonly greedy: string;
  /** Whether it is the right one, and whether it is the likeliest. */
  readonly marks: readonly string[];
}

export interface ItemView {
  /** What the model reads; empty if there is nothing to show. */
  readonly context: string;
  readonly choices: readonly ChoiceView[];
  /** What came out, in sentences. */
  readonly said: readonly string[];
}

const noFacts: ItemFacts = { choices: [], gold: -1, references: [] };

/** @param measured null for an item that is not measured yet */
export function itemView({ work, facts }: MeasureItems, item: number, measured: Measured | null): ItemView {
  return {
    context: contextOf(work, item),
    choices: choicesOf(work, item, measured, facts[item] ?? noFacts),
    said: measured ? saidOf(work, item, measured, facts[item]?.references ?? []) : [words.items.unknown],
  };
}

function contextOf(work: MeasureWork, item: number): string {
  switch (work.kind) {
    case 'likelihood':
      return work.items[item]?.requests[0]?.context ?? '';
    case 'generate':
      return work.items[item]?.context ?? '';
    case 'rolling':
    case 'hidden':
      return work.items[item]?.text ?? '';
    case 'recall':
    case 'speed':
    case 'tokens':
      return '';
    default:
      return work satisfies never;
  }
}

function choicesOf(
  work: MeasureWork,
  item: number,
  measured: Measured | null,
  { gold, choices }: ItemFacts,
): readonly ChoiceView[] {
  if (work.kind !== 'likelihood') return [];
  const found = measured?.kind === 'likelihood' ? measured.requests : [];
  const requests = work.items[item]?.requests ?? [];
  // What follows the choices are the same ones without a context.
  const most = choices.length > 0 ? choices.length : requests.length;
  const nats = found.slice(0, most).map(({ logLikelihood }) => logLikelihood ?? -Infinity);
  const likeliest = nats.length > 1 ? argmax(nats) : -1;
  return requests.map(({ continuation }, i) => {
    const scored = found[i];
    const marks = [
      ...(i === gold ? [words.items.right] : []),
      ...(i === likeliest ? [words.items.chosen] : []),
      ...(i >= most ? [words.items.alone] : []),
    ];
    if (!scored) {
      return { text: continuation, logLikelihood: '–', tokens: '–', cut: '–', greedy: '–', marks };
    }
    const { logLikelihood, tokens, cut, greedy } = scored;
    return {
      text: continuation,
      logLikelihood: logLikelihood === null ? words.items.notScorable : shortNumber(logLikelihood),
      tokens: String(tokens),
      cut: String(cut),
      greedy: greedy ? words.items.yes : words.items.no,
      marks,
    };
  });
}

function saidOf(
  work: MeasureWork,
  item: number,
  measured: Measured,
  references: readonly string[],
): readonly string[] {
  switch (measured.kind) {
    case 'likelihood':
      return [];
    case 'rolling': {
      const { logLikelihood, tokens, words: wordCount, bytes } = measured;
      if (tokens === 0) return [words.items.nothingScored];
      const bits = shortNumber(-logLikelihood / bytes / Math.LN2);
      const [ofTokens, ofWords, ofBytes] = [
        formatCount(tokens, 'token'),
        formatCount(wordCount, 'word'),
        formatCount(bytes, 'byte'),
      ];
      return [words.items.rolling(bits, shortNumber(logLikelihood), ofTokens, ofWords, ofBytes)];
    }
    case 'generate':
      return [
        `${words.items.generated}: ${measured.text}`,
        `${words.items.references}: ${references.join(', ')}`,
        `${words.items.cut}: ${measured.cut}`,
      ];
    case 'recall': {
      const distance = work.kind === 'recall' ? (work.items[item]?.distance ?? 0) : 0;
      return [words.items.recall(distance, shortNumber(measured.told), shortNumber(measured.untold))];
    }
    case 'hidden':
      return [words.items.hidden(measured.states.length, measured.tokens)];
    case 'speed': {
      const { prompt = 0, generate = 0 } = (work.kind === 'speed' ? work.items[item] : undefined) ?? {};
      const { batch, places, prefillMs, decodeMs, largestBatch } = measured;
      const [prefill, decode] = [shortNumber(prefillMs), shortNumber(decodeMs)];
      const count = formatCount(batch, 'sequence');
      const sequences = places < batch ? words.items.atOnce(count, places) : count;
      return [words.items.speed(`${prompt} + ${generate}`, sequences, prefill, decode, largestBatch)];
    }
    case 'peer-speed': {
      const { prompt = 0, generate = 0 } = (work.kind === 'speed' ? work.items[item] : undefined) ?? {};
      const { prefillMs, decodeMs, engine, options, memory } = measured;
      const [prefill, decode] = [shortNumber(prefillMs), shortNumber(decodeMs)];
      return [
        words.items.peer(`${prompt} + ${generate}`, prefill, decode, peerMemory(memory)),
        `${engine}; ${options}`,
      ];
    }
    case 'unmeasured':
      return [measured.reason];
    default:
      return measured satisfies never;
  }
}
