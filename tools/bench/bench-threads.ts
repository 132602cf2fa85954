import type { Backend } from '../../gpu/backend.ts';
import type { ModelSource } from '../../worker/loader/model-source.ts';
import { load, once, promptOf, type Loaded } from './bench.ts';
import { spread, type Spread } from './spread.mjs';
import type { BenchRequest } from './options.ts';

export interface ThreadsReport {
  readonly request: BenchRequest;
  readonly threads: readonly ThreadsFigures[];
}

/** What one number of threads reaches, and how many times as fast that is as the first number, round by round. */
export interface ThreadsFigures {
  readonly threads: number;
  readonly adapter: Backend['adapter'];
  readonly prefillTokensPerSec: Spread;
  readonly decodeTokensPerSec: Spread;
  readonly prefillRatio: Spread;
  readonly decodeRatio: Spread;
  /** Of the fastest rounds: what a busy machine disturbed least. */
  readonly bestPrefillRatio: number;
  readonly bestDecodeRatio: number;
}

/** Measures one model with several numbers of threads, by turns. */
export async function benchThreads(
  request: BenchRequest,
  counts: readonly number[],
  open: (threads: number) => Promise<Backend>,
  openSource: (model: string) => ModelSource,
): Promise<ThreadsReport> {
  const subjects: { readonly threads: number; readonly backend: Backend; readonly loaded: Loaded }[] = [];
  try {
    for (const threads of counts) {
      const backend = await open(threads);
      const loaded = await load(request, backend, openSource);
      const { description } = backend.adapter;
      if (!description.endsWith(threads === 1 ? ', 1 thread' : `, ${threads} threads`)) {
        throw new Error(`${threads} threads were asked for, and these run: ${description}`);
      }
      subjects.push({ threads, backend, loaded });
      await once(loaded, { ...request, newTokens: 4 }, promptOf(request, loaded));
    }
    const rounds: Awaited<ReturnType<typeof once>>[][] = [];
    for (let round = 0; round < request.repeats; round++) {
      const measured = [];
      for (const { loaded } of subjects)
        measured.push(await once(loaded, request, promptOf(request, loaded)));
      rounds.push(measured);
    }
    const figures = subjects.map(({ threads, backend }, i): ThreadsFigures => {
      const of = (what: 'prefillTokensPerSec' | 'decodeTokensPerSec') => {
        const [own, first] = [i, 0].map((subject) => rounds.map((round) => round[subject]?.[what] ?? 0));
        const ratios = rounds.map((round) => (round[i]?.[what] ?? 0) / (round[0]?.[what] ?? 0));
        const best = Math.max(...(own ?? [])) / Math.max(...(first ?? []));
        return { speed: spread(own ?? []), ratio: spread(ratios), best };
      };
      const [prefill, decode] = [of('prefillTokensPerSec'), of('decodeTokensPerSec')];
      return {
        threads,
        adapter: backend.adapter,
        prefillTokensPerSec: prefill.speed,
        decodeTokensPerSec: decode.speed,
        prefillRatio: prefill.ratio,
        decodeRatio: decode.ratio,
        bestPrefillRatio: prefill.best,
        bestDecodeRatio: decode.best,
      };
    });
    return { request, threads: figures };
  } finally {
    for (const { backend } of subjects) backend.destroy();
  }
}
