import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { weightSpecs } from '../../../gpu/plan/weight-specs.ts';
import { openFolderSource } from '../../../tools/headless/folder-source.ts';
import { applyConfig } from '../../../worker/loader/apply-config.ts';
import { parseModelConfig } from '../../../worker/loader/model-config.ts';
import { valueOf } from '../../../worker/outcome.ts';
import { ggufFiles } from '../../../worker/peer/gguf-files.ts';
import { modelFiles, TooLarge, type ModelFilesOptions } from '../../../worker/peer/model-files.ts';
import { placeHere } from '../../../worker/text/place-here.ts';
import { writeTinyCheckpoint } from '../../support/tiny-checkpoint-folder.ts';
import { fileOf } from '../worker/safetensors-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'kvtab-large-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** A checkpoint whose embeddings take 3.3 GB in 16 bits. The file has a hole in their place. */
beforeAll(() => {
  writeTinyCheckpoint(folder, 'smollm-like');
  const config = {
    ...{ model_type: 'llama', vocab_size: 200_000, hidden_size: 8192, intermediate_size: 32 },
    ...{ num_hidden_layers: 1, num_attention_heads: 1, num_key_value_heads: 1, head_dim: 64 },
    ...{ max_position_embeddings: 256, rms_norm_eps: 1e-6, rope_theta: 10_000, tie_word_embeddings: true },
  };
  const { dims, stored } = valueOf(parseModelConfig(config));
  const plan = valueOf(applyConfig(stored, {}, dims.layerCount)).sharing.layers;
  let end = 0;
  const header = Object.fromEntries(
    weightSpecs(dims, plan).map(({ name, rows, cols, vector }) => {
      const begin = end;
      end += 2 * rows * cols;
      return [name, { dtype: 'F16', shape: vector ? [cols] : [rows, cols], data_offsets: [begin, end] }];
    }),
  );
  const start = fileOf(JSON.stringify(header));
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  writeFileSync(join(folder, 'model.safetensors'), start);
  truncateSync(join(folder, 'model.safetensors'), start.length + end);
});

it('A model that fits into no file of an engine is refused before its numbers are read', async () => {
  const options: ModelFilesOptions = {
    ...{ source: openFolderSource(folder), weights: 'stored', quantizeEmbeddings: false, config: {} },
    ...{ openTextPlace: placeHere, positions: () => 9, emit: () => undefined, halves: true },
  };
  await expect(ggufFiles(options)).rejects.toThrow(TooLarge);
  await expect(ggufFiles(options)).rejects.toMatchObject({ mostBytes: 3 * 2 ** 30 });
  await expect(modelFiles(options)).rejects.toMatchObject({ mostBytes: 2 ** 31 - 2 ** 24 });
});
