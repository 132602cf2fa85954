import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend, ModelWeights, SessionOptions } from '../../gpu/backend.ts';
import { likelihoodOf } from '../../gpu/cpu/token-likelihood.ts';
import type { Policy } from '../../gpu/kv/policies/policy.ts';
import type { Mode } from '../../gpu/plan/forward-plan.ts';
import type { Sharing } from '../../gpu/plan/sharing.ts';
import type { TokenLikelihood, WantedToken } from '../../gpu/plan/token-likelihood.ts';
import { expectAllClose } from '../support/all-close.ts';
import { arbitraryPolicy } from '../support/arbitrary-policies.ts';
import { arbitrarySharing, layersOf } from '../support/arbitrary-plans.ts';
import { putRandomModel, tinyDims } from '../support/random-model.ts';
import { sampleOf } from '../support/samples.ts';
import { backends, openBackend } from '../support/test-engine.ts';
import { fc } from '../support/seeded-properties.ts';

const never = () => false;
const ignore = () => undefined;

interface Text {
  readonly sharing: Sharing;
  readonly policy: Policy | null;
  readonly mode: Mode;
  readonly tokens: readonly number[];
  readonly fed: readonly number[];
}

const token = fc.nat(tinyDims.vocabSize - 1);
const arbitraryText: fc.Arbitrary<Text> = fc.record({
  sharing: arbitrarySharing(tinyDims.layerCount).filter(
    ({ layers }) => layers.length === tinyDims.layerCount,
  ),
  policy: fc.option(arbitraryPolicy),
  mode: fc.constantFrom<Mode>('sequential', 'parallel'),
  tokens: fc.array(token, { minLength: 1, maxLength: 12 }),
  fed: fc.array(token, { maxLength: 5 }),
});

const optionsOf = ({ sharing, policy, tokens, fed }: Text): SessionOptions => ({
  sharing,
  passes: { forward: 2, backward: 1 },
  kvPrecision: 'f32',
  capacityTokens: tokens.length + fed.length + 1,
  ...(policy && { eviction: { policy, scored: false, promptTokens: tokens.length, kernels: null } }),
});

/** Two tokens at every position but the second. */
const wantedOf = (tokens: readonly number[]): WantedToken[] =>
  tokens.flatMap((each, position) =>
    position === 1
      ? []
      : [
          { position, token: each },
          { position, token: (each + 5) % tinyDims.vocabSize },
        ],
  );

/** The likelihoods that a session computes, and those of the logits that it computes. */
async function readText(model: ModelWeights, text: Text) {
  const got: TokenLikelihood[] = [];
  const expected: TokenLikelihood[] = [];
  const likelihoodsFor = (wanted: readonly WantedToken[]) => ({
    wanted,
    onLikelihood: (_: number, likelihood: TokenLikelihood) => void got.push(likelihood),
  });
  const compareWith = (wanted: readonly WantedToken[]) => (position: number, row: Float32Array) => {
    for (const each of wanted) {
      if (each.position === position) expected.push(likelihoodOf(row, each.token));
    }
  };
  const [wanted, wantedFed] = [wantedOf(text.tokens), wantedOf(text.fed)];
  for (const asked of ['likelihoods', 'logits'] as const) {
    const session = await model.open(optionsOf(text));
    try {
      await session.prefill(text.tokens, {
        mode: text.mode,
        logitsAt: asked === 'logits' ? [...text.tokens.keys()] : [],
        onLogits: compareWith(wanted),
        ...(asked === 'likelihoods' && { likelihoods: likelihoodsFor(wanted) }),
        onProgress: ignore,
        stopped: never,
      });
      await session.feed(text.fed, {
        ...(asked === 'logits'
          ? { onLogits: compareWith(wantedFed) }
          : { likelihoods: likelihoodsFor(wantedFed) }),
        stopped: never,
      });
    } finally {
      session.close();
    }
  }
  return { got, expected };
}

async function hiddenOf(model: ModelWeights, text: Text): Promise<Float32Array[]> {
  const session = await model.open(optionsOf(text));
  const states: Float32Array[] = [];
  try {
    await session.prefill(text.tokens, {
      mode: text.mode,
      logitsAt: [],
      onLogits: ignore,
      onHidden: (state, rows) => (states[state] = rows.slice()),
      onProgress: ignore,
      stopped: never,
    });
    return states;
  } finally {
    session.close();
  }
}

describe.each(backends)('On the backend %s', (name) => {
  const runs = name === 'webgpu' ? sampleOf({ all: 100, node: 12, chromium: 2 }) : 200;
  let backend: Backend;
  let model: ModelWeights;
  let twin: ModelWeights;
  beforeAll(async () => {
    backend = await openBackend(name);
    const oracle = await openBackend('twin');
    [model, twin] = (await putRandomModel([backend, oracle], tinyDims, layersOf('0_1_2_3'))) as [
      ModelWeights,
      ModelWeights,
    ];
  });
  afterAll(() => backend.destroy());

  it('likelihoods are those of the logits, after prompts and while tokens are fed', async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryText, async (text) => {
        const { got, expected } = await readText(model, text);
        const natsOf = (each: readonly TokenLikelihood[]) => each.map(({ logProbability }) => logProbability);
        const ranksOf = (each: readonly TokenLikelihood[]) => each.map(({ rank }) => rank);
        expectAllClose(natsOf(got), natsOf(expected), 1e-4);
        expect(ranksOf(got)).toEqual(ranksOf(expected));
      }),
      { numRuns: runs },
    );
  });

  it('hidden states are those of the twin, layer by layer and after the final norm', async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryText, async (text) => {
        const [got, expected] = [await hiddenOf(model, text), await hiddenOf(twin, text)];
        expect(got).toHaveLength(tinyDims.layerCount + 2);
        for (const [state, rows] of expected.entries()) {
          expect(rows).toHaveLength(text.tokens.length * tinyDims.hiddenSize);
          expectAllClose(got[state] ?? [], rows, 1e-3, `state ${state}, number`);
        }
      }),
      { numRuns: runs },
    );
  });
});
