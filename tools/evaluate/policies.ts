import type { TextTokenizer } from '../../worker/text/tokenizer.ts';
import { valueOf } from '../../worker/outcome.ts';
import type { EngineApi } from '../../worker/protocol/engine.ts';
import type { PolicyRequest } from '../../worker/protocol/generate.ts';
import type { LoadRequest } from '../../worker/protocol/load.ts';
import { mean, standardError } from '../../worker/laboratory/statistics/moments.ts';
import { takeWindows } from './held-out.ts';

const WINDOW_TOKENS = 512;
const PROMPT_TOKENS = 128;
/** 10, 25 and 50 % of the prompt. */
const BUDGETS = [12, 32, 64] as const;

/** What `npm run evaluate -- --policies` measured: `policies.json` beside the weights. */
export interface PolicyFigures {
  readonly backend: string;
  readonly windows: number;
  readonly windowTokens: number;
  readonly promptTokens: number;
  /** Of the tokens after the prompt, with everything kept. */
  readonly fullBitsPerByte: number;
  readonly results: readonly PolicyFigure[];
}

export interface PolicyFigure {
  /** The policy that decides which rows stay. */
  readonly policy: string;
  readonly rows: number;
  /** Of LESS; null for the policy alone. */
  readonly kernels: string | null;
  readonly bitsPerByte: number;
  /** Bits per byte more than with everything kept, over the same windows, and the standard error of that difference. */
  readonly more: number;
  readonly standardError: number;
}

interface Contender {
  readonly policy: string;
  readonly rows: number;
  readonly request: PolicyRequest;
  readonly kernels: string | null;
}

const measured = ['lambda', 'h2o', 'keyformer'] as const;

/** A policy at a number of rows: 4 sinks; half of H2O's rows recent, and 30 % of Keyformer's. */
export function policyAlone(id: string, rows: number): PolicyRequest {
  if (id === 'lambda') return { id, sinks: 4, recent: rows - 4 };
  const recent = id === 'h2o' ? Math.floor(rows / 2) : Math.max(1, Math.floor((rows * 3) / 10));
  const noise = { tauInit: 1, tauDelta: 1 / (WINDOW_TOKENS - PROMPT_TOKENS), seed: 1 };
  return { id, heavy: rows - recent, recent, ...(id === 'keyformer' && noise) };
}

/** The policies alone and with LESS, by budget. Keyformer has no kernels of its own: they served it no better than H2O's. */
function contenders(hasKernels: (file: string) => boolean): readonly Contender[] {
  return BUDGETS.flatMap((rows) =>
    measured.flatMap((id): Contender[] => {
      const request = policyAlone(id, rows);
      const ofPolicy = `less-${id === 'lambda' ? 'lambda' : 'h2o'}-12.safetensors`;
      const kernels = [ofPolicy, 'less-lambda-12.safetensors'].find(hasKernels) ?? null;
      const plain = { policy: id, rows, request, kernels: null };
      if (kernels === null) return [plain];
      return [plain, { ...plain, request: { id: 'less', sparse: request, kernels }, kernels }];
    }),
  );
}

/**
 * Measures what cache policies cost on held-out text: each window's first tokens are read as a prompt, the others are fed
 * one by one under the policy.
 *
 * @param hasKernels whether the model comes with a file of kernels
 */
export async function evaluatePolicies(
  engine: EngineApi,
  load: LoadRequest,
  {
    tokenizer,
    heldOut,
    windows: count,
  }: { readonly tokenizer: TextTokenizer; readonly heldOut: string; readonly windows: number },
  hasKernels: (file: string) => boolean,
  report: (what: string) => void,
): Promise<PolicyFigures> {
  const ignore = () => undefined;
  valueOf(await engine.load(load, ignore));
  // The begin token is one of them.
  const { windows } = takeWindows(heldOut, tokenizer, count, WINDOW_TOKENS - 1);
  const bytes = windows.map((window) => Buffer.byteLength(tokenizer.decode(window.slice(PROMPT_TOKENS))));

  const items = windows.map((window) => ({ tokens: window }));
  const work = { kind: 'tokens', items, promptTokens: PROMPT_TOKENS } as const;

  /** Bits per byte of each window. */
  const measure = async (policy: PolicyRequest): Promise<readonly number[]> => {
    const bits = windows.map(() => NaN);
    const reading = { config: {}, mode: 'auto', kvPrecision: 'f16', policy } as const;
    const measured = await engine.measure({ ...reading, work }, (event) => {
      if (event.type !== 'measured' || event.measured.kind !== 'likelihood') return;
      const nats = event.measured.requests[0]?.logLikelihood ?? NaN;
      bits[event.item] = -nats / Math.LN2 / (bytes[event.item] ?? NaN);
    });
    valueOf(measured);
    return bits;
  };

  const model = typeof load.model === 'string' ? load.model : load.model.id;
  const full = await measure({ id: 'none' });
  report(`${model}, everything kept: ${mean(full).toFixed(4)} bits per byte`);
  const results: PolicyFigure[] = [];
  for (const { policy, rows, request, kernels } of contenders(hasKernels)) {
    const bits = await measure(request);
    const more = bits.map((value, i) => value - (full[i] ?? NaN));
    const figure = { bitsPerByte: mean(bits), more: mean(more), standardError: standardError(more) ?? NaN };
    results.push({ policy, rows, kernels, ...figure });
    const name = kernels === null ? policy : `less over ${policy} (${kernels})`;
    report(
      `${model}, ${name}, ${rows} rows: ${figure.more.toFixed(4)} ± ${figure.standardError.toFixed(4)} more`,
    );
  }
  return {
    backend: load.backend,
    windows: windows.length,
    windowTokens: WINDOW_TOKENS,
    promptTokens: PROMPT_TOKENS,
    fullBitsPerByte: mean(full),
    results,
  };
}
