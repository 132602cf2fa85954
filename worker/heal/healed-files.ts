import { toBf16, toF16 } from '../../gpu/numbers/element-type.ts';
import type { WeightSpec } from '../../gpu/plan/weight-specs.ts';
import { companionsOf } from '../export/companions.ts';
import type { ExportedFile } from '../export/export-sink.ts';
import { fileOf } from '../export/file-of.ts';
import { exportedConfig } from '../export/exported-config.ts';
import { applyConfig } from '../loader/apply-config.ts';
import { CONFIG } from '../loader/model-config.ts';
import type { ModelSource } from '../loader/model-source.ts';
import { safetensorsHeader } from '../loader/safetensors-header.ts';
import { tensorForm } from '../loader/tensor-form.ts';
import { Refused, valueOf } from '../outcome.ts';
import type { RoundTo } from '../protocol/export.ts';
import type { HealHistory, HealResult } from '../protocol/heal.ts';
import type { OpenedHealing } from './open-healing.ts';

/** The largest number that f16 holds without rounding to infinity. */
const MOST_F16 = 65519;

export interface HealedFiles {
  readonly files: readonly ExportedFile[];
  readonly readBy: 'transformers' | 'lckv' | 'kvtab';
  readonly history: HealHistory;
  /** Whether the held-out text was the sample's. */
  readonly onSample: boolean;
}

/**
 * A healed model as a checkpoint in 16 bits: config.json, the tokenizer's files, the weights, and `healing.json`, which
 * says how it was made.
 *
 * @param source the model that was healed, for the files that stay as they are
 * @param name   what the history calls the model
 */
export async function healedFiles(
  opened: OpenedHealing,
  { step, evaluations }: Pick<HealResult, 'step' | 'evaluations'>,
  source: ModelSource,
  { name, engine }: { readonly name: string; readonly engine: string },
): Promise<HealedFiles> {
  const { config, wanted, trainer, request, facts } = opened;
  const specs = trainer.specs;
  const round = roundTo(opened, specs);
  const written = await source.text(CONFIG);
  if (written === null) {
    const reason = 'it was there and is gone';
    throw new Refused({ code: 'download-failed', file: CONFIG, status: 404, reason });
  }
  const stored = valueOf(applyConfig(config.stored, {}, config.dims.layerCount));
  const { text, readBy } = exportedConfig(written, config, stored, wanted, round);
  const history: HealHistory = {
    model: name,
    layer_types: facts.layerTypes,
    sliding_window: wanted.sharing.windowTokens,
    text: { name: request.text.name, sha256: facts.textDigest, tokens: facts.trainTokens },
    recipe: request.recipe,
    steps_done: step,
    bits_per_byte: evaluations,
    engine,
  };
  const files = [
    fileOf(CONFIG, new TextEncoder().encode(text)),
    ...(await companionsOf(source)),
    fileOf('healing.json', new TextEncoder().encode(`${JSON.stringify(history, null, 2)}\n`)),
    weightsFile(opened, specs, round),
  ];
  return { files, readBy, history, onSample: facts.onSample };
}

/** f16 unless a number is too large for it: it has three more bits than bf16. */
function roundTo({ trainer }: OpenedHealing, specs: readonly WeightSpec[]): RoundTo {
  const isTooLarge = (value: number) => Math.abs(value) > MOST_F16;
  return specs.some((spec) => trainer.tensor(spec).some(isTooLarge)) ? 'bf16' : 'f16';
}

function weightsFile({ trainer }: OpenedHealing, specs: readonly WeightSpec[], round: RoundTo): ExportedFile {
  const forms = specs.map((spec) => tensorForm(spec, round));
  const header = safetensorsHeader(forms);
  async function* chunks(): AsyncGenerator<Uint8Array, void> {
    yield header;
    for (const spec of specs) {
      const values = trainer.tensor(spec);
      const bits = round === 'f16' ? toF16(values) : toBf16(values);
      yield await Promise.resolve(new Uint8Array(bits.buffer));
    }
  }
  const sizeBytes = forms.reduce((sum, { bytes }) => sum + bytes, header.length);
  return { name: 'model.safetensors', sizeBytes, chunks: chunks() };
}
