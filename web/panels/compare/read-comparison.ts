/** Checks what the store holds: an older version, or somebody else, may have left something else there. */
import * as v from 'valibot';
import { decodeHash, LONGEST_LINK } from '../../settings/hash.ts';
import { linkDefaults } from '../../settings/settings.ts';
import { MOST_CONTENDERS, runners, type Compared, type Contender } from './compared.ts';

const LONGEST_TEXT = 1_000_000;
const MOST_ROUNDS = 100;

const text = v.pipe(v.string(), v.maxLength(LONGEST_TEXT));
const amount = v.pipe(v.number(), v.finite(), v.minValue(0));
const amounts = v.pipe(v.array(amount), v.maxLength(MOST_ROUNDS));

const divergence = v.pipe(
  v.object({ kl: v.instance(Float32Array), agrees: v.array(v.boolean()), of: amount }),
  v.check(({ kl, agrees }) => kl.length === agrees.length && kl.every((value) => Number.isFinite(value))),
);

const beside = v.object({
  facts: v.pipe(
    v.object({
      program: v.optional(text),
      // An older version knew transformers.js alone.
      ...{ transformers: v.optional(text), onnxRuntime: v.optional(text) },
      device: v.picklist(['webgpu', 'wasm']),
      build: text,
      threads: amount,
      numbers: v.picklist(['f32', 'f16', 'bf16', 'i8']),
      matrices: v.picklist(['f32', 'f16', 'bf16', 'q8', 'q4']),
    }),
    v.transform(({ program, transformers, onnxRuntime, ...facts }) => ({
      ...facts,
      program: program ?? `transformers.js ${transformers ?? ''}, ONNX Runtime ${onnxRuntime ?? ''}`,
    })),
  ),
  promptTokens: amount,
  tokens: amount,
  difference: v.nullable(v.object({ at: amount, kvtab: text, there: text })),
  memory: v.object({ heapBytes: v.nullable(amount), gpuBytes: v.nullable(amount) }),
});

const entry = v.object({
  contender: amount,
  layerTypes: text,
  run: v.nullable(
    v.object({
      adapter: text,
      adapterDetail: v.optional(v.nullable(text), null),
      mode: v.picklist(['parallel', 'sequential']),
      text,
      newTokens: amount,
      kvBytes: amount,
      kvBytesPerToken: amount,
      allocatedBytes: v.optional(v.nullable(amount), null),
      prefillMs: amounts,
      decodeTokensPerSec: amounts,
    }),
  ),
  divergence: v.nullable(divergence),
  beside: v.optional(v.nullable(beside), null),
  failure: v.nullable(text),
});

const kept = v.object({
  contenders: v.pipe(
    v.array(
      v.object({
        id: amount,
        link: v.pipe(v.string(), v.maxLength(LONGEST_LINK)),
        runner: v.optional(v.picklist(runners), 'kvtab'),
      }),
    ),
    v.maxLength(MOST_CONTENDERS),
    v.check((contenders) => new Set(contenders.map(({ id }) => id)).size === contenders.length),
  ),
  result: v.nullable(
    v.object({
      entries: v.pipe(v.array(entry), v.maxLength(MOST_CONTENDERS)),
      pieces: v.array(text),
      prompt: text,
      common: text,
      build: text,
      endedAt: v.pipe(amount, v.maxValue(8.64e15)), // the last millisecond that a Date can say
    }),
  ),
});

/** @returns null if it is not a comparison */
export function readComparison(
  value: unknown,
): { readonly contenders: readonly Contender[]; readonly result: Compared | null } | null {
  const found = v.safeParse(kept, value);
  if (!found.success) return null;
  const { contenders, result } = found.output;
  return {
    contenders: contenders.map(({ id, link, runner }) => ({
      ...{ id, runner },
      config: { ...linkDefaults, ...decodeHash(link).values },
    })),
    result,
  };
}
