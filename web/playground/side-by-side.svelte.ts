/** Several continuations of one prompt, which differ in their seeds. Loaded with the first run that writes them. */
import type { EngineEvent } from '../../worker/protocol/engine.ts';
import type { Outcome } from '../../worker/protocol/failure.ts';
import type { GenerateRequest, GenerateResult } from '../../worker/protocol/generate.ts';
import type { SharingConfig } from '../../worker/protocol/load.ts';
import type { SequenceResult, SequencesRequest, SequencesResult } from '../../worker/protocol/sequences.ts';
import { encodeHash } from '../settings/hash.ts';
import type { Engine } from './borrow-engine.ts';
import type { Run } from './run.ts';
import type { RunDesk } from './run-desk.svelte.ts';

/** One of the texts. */
export interface SideText {
  readonly seed: number;
  readonly text: string;
  /** How it ended; null while it is written. */
  readonly end: SequenceResult['end'] | null;
  readonly tokens: number;
}

/** The texts of a run side by side. One of them is the text of the page: the first, until another one is chosen. */
export class SideBySide {
  texts = $state.raw<readonly SideText[]>([]);
  chosen = $state(0);
  /** The number of the run. */
  readonly run: number;
  readonly #stored: SharingConfig | null;
  /** Tokens of each so far, which a run that fails does not tell. */
  readonly #written: number[];

  constructor(run: number, seeds: readonly number[], stored: SharingConfig | null) {
    this.run = run;
    this.#stored = stored;
    this.#written = seeds.map(() => 0);
    this.texts = seeds.map((seed) => ({ seed, text: '', end: null, tokens: 0 }));
  }

  readonly receive = (event: EngineEvent): void => {
    if (event.type === 'sequence-token') {
      this.#written[event.sequence] = (this.#written[event.sequence] ?? 0) + 1;
    }
    if (event.type !== 'sequence-texts') return;
    const fresh = new Map(event.texts.map(({ sequence, text }) => [sequence, text]));
    this.texts = this.texts.map((each, i) => ({ ...each, text: each.text + (fresh.get(i) ?? '') }));
  };

  finish(sequences: readonly SequenceResult[]): void {
    this.texts = this.texts.map((each, i) => {
      const { text, tokens, end } = sequences[i] ?? {};
      const written = tokens?.length ?? this.#written[i] ?? 0;
      return { ...each, text: text ?? each.text, tokens: written, end: end ?? 'stopped' };
    });
  }

  /**
   * Makes one of the texts that of the page and of the run, whose seed and link are then those of the text.
   *
   * @returns the seed; null if the texts are not finished, or if the page shows another run
   */
  choose(index: number, desk: RunDesk): number | null {
    const found = this.texts[index];
    const { run } = desk;
    if (!found?.end || run?.number !== this.run) return null;
    this.chosen = index;
    desk.replace(this.#runOf(run, found), found.text);
    return found.seed;
  }

  #runOf(run: Run, { seed, tokens, end }: SideText): Run {
    const settings = { ...run.settings, seed };
    return {
      ...run,
      settings,
      link: encodeHash(settings, this.#stored),
      request: { ...run.request, sampling: { ...run.request.sampling, seed } },
      newTokens: tokens,
      end,
    };
  }
}

/** Writes the texts, and gives the first of them to the desk as the text of its run. */
export async function writeSideBySide(
  engine: Pick<Engine, 'generateSequences'>,
  desk: RunDesk,
  request: GenerateRequest,
  side: SideBySide,
): Promise<Outcome<GenerateResult>> {
  const asked = sequencesOf(
    request,
    side.texts.map(({ seed }) => seed),
  );
  if (!asked) return { ok: false, failure: { code: 'bad-request', field: 'prompt', reason: 'it is a chat' } };
  const outcome = await engine.generateSequences(asked, (event) => {
    desk.receive(event);
    side.receive(event);
  });
  side.finish(outcome.ok ? outcome.value.sequences : []);
  return outcome.ok ? { ok: true, value: resultOf(outcome.value) } : outcome;
}

/** @returns null for a chat, which has one answer */
export function sequencesOf(request: GenerateRequest, seeds: readonly number[]): SequencesRequest | null {
  const { input, config, mode, freeze, kvPrecision, policy, maxNewTokens, ignoreEos, sampling } = request;
  if ('chat' in input) return null;
  return {
    ...{ config, mode, kvPrecision, policy },
    ...(freeze !== undefined && { freeze }),
    tellTexts: true,
    sequences: seeds.map((seed) => ({ input, maxNewTokens, ignoreEos, sampling: { ...sampling, seed } })),
  };
}

/** The first text as the result of a run. KV and speeds are those of all texts together. */
function resultOf({ sequences, notices, kv, timing }: SequencesResult): GenerateResult {
  const [first] = sequences;
  if (!first) throw new Error('the engine answers with as many sequences as it was asked for');
  const { mode, end, promptTokens, tokens, text } = first;
  const { prefillMs, decodeMs, prefillTokensPerSec, throughputTokensPerSec } = timing;
  return {
    ...{ mode, end, promptTokens, tokens, text, notices, kv },
    reuse: { heldTokens: 0, reusedTokens: 0 },
    logits: [],
    nats: null,
    timing: { prefillMs, decodeMs, prefillTokensPerSec, decodeTokensPerSec: throughputTokensPerSec },
  };
}
