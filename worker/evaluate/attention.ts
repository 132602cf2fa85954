import { readsByPosition, type HeadAttention } from '../../gpu/kv/head-attention.ts';
import { maskOf } from '../../gpu/kv/mask.ts';
import type { Mode } from '../../gpu/plan/forward-plan.ts';
import type { LayerType } from '../../gpu/plan/layer-types.ts';
import { outsideRange } from '../../gpu/plan/number-range.ts';
import { checkAllGiven, checkTokens, promptTurns, tokensOf } from '../engine/check-request.ts';
import type { RunnableModel, RunOptions } from '../engine/generate.ts';
import { modeOf } from '../engine/mode-of.ts';
import { evictionOf, piecesOf, policyOf } from '../engine/open-policy.ts';
import { applyConfig } from '../loader/apply-config.ts';
import { badRequest, Refused, valueOf } from '../outcome.ts';
import type { AttentionRequest, LayerAttention, TokenAttention } from '../protocol/attention.ts';

/** A step of the reading that leads to a token. */
type Step =
  | { readonly how: 'prefill'; readonly tokens: readonly number[]; readonly mode: Mode }
  | { readonly how: 'feed'; readonly tokens: readonly number[] };

/**
 * Reads a text again as a run did, up to one of its tokens, and records what that token's queries read in every layer. A
 * token of the prompt is read with its turn, in the mode of the run: in a group that is iterated, its last pass counts. A
 * token that the run wrote is read after those before it were fed, from the rows that the policy had left then.
 *
 * No row depends on a later one, and nothing is evicted before the end of a turn or a chunk, so what follows the token is
 * left out.
 *
 * @throws Refused with `bad-request`, `bad-config`, `bad-layer-types` or `stopped`; BackendError
 */
export async function readAttention(
  model: RunnableModel,
  request: AttentionRequest,
  { emit, stopped }: RunOptions,
): Promise<TokenAttention> {
  const { dims, stored } = model.config;
  const { continuation, position, maxNewTokens } = request;
  const policy = await policyOf(request.policy, { contextTokens: dims.contextTokens, maxNewTokens });
  const turns = await promptTurns(request.input, model.text, dims, policy);
  checkAllGiven('turns', turns);
  checkTokens('continuation', '', continuation, dims.vocabSize);
  const prompt = tokensOf(turns);
  const text = [...prompt, ...continuation];
  const outside = outsideRange(position, { min: 0, max: text.length - 1, whole: true });
  if (outside !== null) throw badRequest('position', `${position} is ${outside}`);

  const { sharing, passes } = valueOf(applyConfig(stored, request.config, dims.layerCount));
  const modeFor = modeOf(model, request.mode, { sharing, passes });
  const pieces = turns.flatMap(({ tokens }) =>
    piecesOf(tokens, policy).map((piece): Step => ({
      how: 'prefill',
      tokens: piece,
      mode: modeFor(tokens.length),
    })),
  );
  const steps = stepsUpTo(position, pieces, text, prompt.length);

  const session = await model.weights.open({
    sharing,
    passes,
    kvPrecision: request.kvPrecision,
    capacityTokens: position + 1,
    ...(await evictionOf(model, sharing, policy, {
      scored: false,
      promptTokens: Math.max(prompt.length, position + 1),
    })),
  });
  const mode = modeFor(turns.at(-1)?.tokens.length ?? 0);
  const layers: LayerAttention[] = [];
  const take = (layer: number, heads: readonly HeadAttention[]) => {
    const type = sharing.layers[layer];
    if (!type) throw new RangeError(`there is no layer ${layer}`);
    layers.push(layerOf(type, heads, (head) => readsByPosition(head, position, maskOf(sharing, type))));
  };
  let read = 0;
  const report = (done: number) => {
    const fraction = (read + done) / (position + 1);
    emit({ type: 'prefill', fraction, promptTokens: prompt.length, mode });
  };
  try {
    for (const [i, step] of steps.entries()) {
      const { tokens } = step;
      const finished =
        step.how === 'feed'
          ? await session.feed(tokens, {
              onFed: (index) => {
                report(index + 1);
                return Promise.resolve();
              },
              stopped,
            })
          : await session.prefill(tokens, {
              mode: step.mode,
              logitsAt: [],
              onLogits: () => undefined,
              onProgress: (fraction) => {
                report(fraction * tokens.length);
              },
              stopped,
              ...(i === steps.length - 1 && { onAttention: take }),
            });
      if (!finished) throw new Refused({ code: 'stopped' });
      read += tokens.length;
    }
  } finally {
    session.close();
  }
  const texts = await model.text?.textsOf(text.map((id, i) => [text[i - 1], id]));
  return {
    tokens: text.map((id, i) => ({ id, text: texts?.[i] ?? '' })),
    promptTokens: prompt.length,
    position,
    mode,
    layers,
  };
}

/** What is read up to a position. The token there is the last one of the last step, which is a prefill. */
function stepsUpTo(
  position: number,
  pieces: readonly Step[],
  text: readonly number[],
  promptTokens: number,
): readonly Step[] {
  if (position >= promptTokens) {
    const fed = text.slice(promptTokens, position);
    return [
      ...pieces,
      ...(fed.length > 0 ? [{ how: 'feed', tokens: fed } as const] : []),
      // A turn of one token in sequential mode reads what a step of decoding reads.
      { how: 'prefill', tokens: text.slice(position, position + 1), mode: 'sequential' },
    ];
  }
  const steps: Step[] = [];
  let start = 0;
  for (const piece of pieces) {
    if (start > position) break;
    steps.push({ ...piece, tokens: piece.tokens.slice(0, position + 1 - start) });
    start += piece.tokens.length;
  }
  return steps;
}

function layerOf(
  { readsFrom }: LayerType,
  heads: readonly HeadAttention[],
  readsOf: (head: HeadAttention) => Float32Array,
): LayerAttention {
  const rows = heads.map(readsOf);
  const width = rows[0]?.length ?? 0;
  const reads = new Float32Array(width * rows.length);
  for (const [head, row] of rows.entries()) reads.set(row, head * width);
  return { owner: readsFrom, reads, recalled: Float32Array.from(heads, ({ recalled }) => recalled) };
}
