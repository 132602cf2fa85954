import type { Sharing } from '../../gpu/plan/sharing.ts';
import type { Passes } from '../../gpu/plan/forward-plan.ts';
import { formatLayerTypes } from '../../gpu/plan/layer-types.ts';
import { weightSpecs } from '../../gpu/plan/weight-specs.ts';
import { compileTrainKernels } from '../../gpu/train/kernels.ts';
import { memoryNeeded, MOST_BYTES, totalBytes, type MemoryNeeded } from '../../gpu/train/memory-needed.ts';
import { Trainer } from '../../gpu/train/trainer.ts';
import { applyConfig } from '../loader/apply-config.ts';
import { loadModel } from '../loader/load-model.ts';
import type { ModelConfig } from '../loader/model-config.ts';
import type { ModelSource } from '../loader/model-source.ts';
import { badRequest, Refused, valueOf } from '../outcome.ts';
import type { HealFacts, HealRequest, HealText } from '../protocol/heal.ts';
import type { GuardedText, TextPlace } from '../text/guarded-text.ts';
import { checkRecipe, MOST_PASSES } from './check-recipe.ts';
import { takeHeldOut, type HeldOut } from './held-out.ts';
import { collectTensors } from './read-tensors.ts';
import { sha256 } from '../sha256.ts';

/** Everything that a healing needs, read and checked. */
export interface OpenedHealing {
  readonly request: HealRequest;
  readonly config: ModelConfig;
  readonly wanted: { readonly sharing: Sharing; readonly passes: Passes };
  readonly trainer: Trainer;
  readonly tokens: Uint32Array;
  readonly heldOut: HeldOut;
  readonly facts: HealFacts;
  /** Decodes samples. Whoever opened the healing closes it. */
  readonly text: GuardedText;
}

/** Long texts are given to the tokenizer in parts of this size to twice as much. */
const PART_CHARACTERS = 500_000;
/** A text that is split keeps this part for evaluation. */
const HELD_OUT_FRACTION = 0.1;

/**
 * Loads a model, converts it to the plan, and gets the text ready.
 *
 * @throws Refused if a file, the plan, the text or the recipe is wrong, or if the training would take too much memory
 */
export async function openHealing(
  request: HealRequest,
  source: ModelSource,
  openTextPlace: () => TextPlace,
): Promise<OpenedHealing> {
  const { recipe } = request;
  checkRecipe(request);
  const { backend, find } = collectTensors();
  const model = await loadModel({
    source,
    weights: 'f32',
    quantizeEmbeddings: false,
    openBackend: () => Promise.resolve(backend),
    openTextPlace,
    emit: () => undefined,
  });
  const { config, text } = model;
  try {
    const { dims } = config;
    const stored = valueOf(applyConfig(config.stored, {}, dims.layerCount));
    const wanted = valueOf(applyConfig(config.stored, request.config, dims.layerCount));
    if (recipe.tokensPerSequence > dims.contextTokens) {
      throw badRequest(
        'tokensPerSequence',
        `${recipe.tokensPerSequence} tokens are more than the model's context of ${dims.contextTokens}`,
      );
    }
    const passes = wanted.passes.forward + wanted.passes.backward;
    if (passes > MOST_PASSES) {
      throw badRequest('passes', `the model makes ${passes} of them, and healing ${MOST_PASSES} at most`);
    }
    const plan = { dims, sharing: wanted.sharing, passes: wanted.passes, recipe };
    const memory = memoryNeeded(plan);
    refuseTooLarge(memory);
    if (!text) throw new Refused({ code: 'bad-tokenizer', reason: 'the model has no tokenizer.json' });
    const split = await tokensOf(text, request.text, dims.vocabSize);
    const { tokensPerSequence } = recipe;
    for (const [name, { length }] of Object.entries(split)) {
      if (length > tokensPerSequence) continue;
      throw badRequest(
        'text',
        `the ${name === 'train' ? 'text' : 'held-out text'} has ${length} tokens, and a sequence ${tokensPerSequence} and one more: take a longer text`,
      );
    }
    const heldOut = await takeHeldOut(text, split.heldOut, request.heldOutWindows, tokensPerSequence);
    const kernels = await compileTrainKernels();
    if (!kernels)
      throw badRequest('trained', 'WebAssembly has no SIMD here, and without it healing takes hours');
    const specs = weightSpecs(dims, wanted.sharing.layers);
    const trainer = new Trainer({ kernels, stored: stored.sharing.layers, ...plan, find });
    return {
      ...{ request, config, wanted, trainer, heldOut, text },
      tokens: split.train,
      facts: {
        memory,
        layerTypes: formatLayerTypes(wanted.sharing.layers),
        trainedWeights: trainer.trainedWeights,
        allWeights: specs.reduce((sum, { rows, cols }) => sum + rows * cols, 0),
        trainTokens: split.train.length,
        onSample: isOnSample(request.text),
        heldOutTokens: heldOut.windows.reduce((sum, { length }) => sum + length - 1, 0),
        textDigest: await sha256(request.text.train),
      },
    };
  } catch (error) {
    text?.close();
    throw error;
  } finally {
    backend.destroy();
  }
}

/** A person's own file, whatever it is called, has no held-out text beside it. */
export const isOnSample = ({ name, heldOut }: HealText): boolean => name === 'sample' && heldOut !== null;

function refuseTooLarge(memory: MemoryNeeded): void {
  const total = totalBytes(memory);
  if (total <= MOST_BYTES) return;
  const inMiB = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`;
  const { weights, gradients, optimizer, activations } = memory;
  const parts = `weights ${inMiB(weights)}, gradients ${inMiB(gradients)}, optimizer ${inMiB(optimizer)}, activations ${inMiB(activations)}`;
  throw badRequest(
    'trained',
    `it would take ${inMiB(total)} of memory (${parts}), and ${inMiB(MOST_BYTES)} is the limit: take shorter sequences, train the projections alone, or choose a smaller model`,
  );
}

/** The tokens of both texts; the last tenth of the first is held out if there is no second. */
async function tokensOf(text: GuardedText, { train, heldOut }: HealText, vocabSize: number) {
  const all = await encode(text, train, vocabSize);
  if (heldOut !== null) return { train: all, heldOut: await encode(text, heldOut, vocabSize) };
  const cut = Math.floor(all.length * (1 - HELD_OUT_FRACTION));
  return { train: all.subarray(0, cut), heldOut: all.subarray(cut) };
}

/** Where a part ends: at a line, else at a space, else anywhere, but not within a character. */
function endOfPart(whole: string, start: number): number {
  const [least, most] = [start + PART_CHARACTERS, start + 2 * PART_CHARACTERS];
  if (most >= whole.length) return whole.length;
  for (const sign of ['\n', ' ']) {
    const at = whole.indexOf(sign, least);
    if (at >= 0 && at < most) return at;
  }
  return (whole.codePointAt(most - 1) ?? 0) > 0xffff ? most - 1 : most;
}

async function encode(text: GuardedText, whole: string, vocabSize: number): Promise<Uint32Array> {
  const parts: (readonly number[])[] = [];
  for (let start = 0; start < whole.length;) {
    const end = endOfPart(whole, start);
    parts.push(await text.encode(whole.slice(start, end), false));
    start = end;
  }
  const tokens = Uint32Array.from(parts.flat());
  const outside = tokens.find((token) => token >= vocabSize);
  if (outside === undefined) return tokens;
  const reason = `it makes token ${outside} of the text, and the model has ${vocabSize}`;
  throw new Refused({ code: 'bad-tokenizer', reason });
}
