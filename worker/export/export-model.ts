import { weightSpecs } from '../../gpu/plan/weight-specs.ts';
import { applyConfig } from '../loader/apply-config.ts';
import { closeReaders, openCheckpoint } from '../loader/checkpoint.ts';
import { locateTensors } from '../loader/locate-tensors.ts';
import { CONFIG, type ModelConfig } from '../loader/model-config.ts';
import type { ModelSource } from '../loader/model-source.ts';
import { safetensorsHeader } from '../loader/safetensors-header.ts';
import { tensorForm } from '../loader/tensor-form.ts';
import { Refused, valueOf } from '../outcome.ts';
import type { EngineEvent } from '../protocol/engine.ts';
import type { ExportRequest } from '../protocol/export.ts';
import type { ExportResult } from '../protocol/export.ts';
import { ProgressReports } from '../progress-reports.ts';
import { companionsOf } from './companions.ts';
import { fileOf, inTurn } from './file-of.ts';
import type { ExportedFile, ExportSink } from './export-sink.ts';
import { exportedConfig } from './exported-config.ts';
import { exportedTensors, type ExportedTensor } from './exported-tensors.ts';
import { TensorBytes } from './tensor-bytes.ts';

/** What an export needs from a loaded model. */
export interface ExportableModel {
  readonly id: string;
  readonly config: ModelConfig;
  /** Where the model came from. Its files are read again. */
  readonly source: ModelSource;
}

export interface ExportRun {
  readonly emit: (event: EngineEvent) => void;
  /** Asked between pieces of a file. */
  readonly stopped: () => boolean;
}

/** Ends an export that was stopped; never leaves this file. */
class Stopped extends Error {}

/**
 * Writes a loaded model under a plan, in 16 bits. Its files are read again from their source, piece by piece.
 *
 * @returns what was written; a stopped export leaves nothing behind
 * @throws Refused with `bad-layer-types`, `bad-config` or `export-failed`, or as loading weights does
 */
export async function exportModel(
  { id, source, config }: ExportableModel,
  { config: overrides, round }: ExportRequest,
  { emit, stopped }: ExportRun,
  sink: ExportSink,
): Promise<ExportResult> {
  const { dims } = config;
  const stored = valueOf(applyConfig(config.stored, {}, dims.layerCount));
  const wanted = valueOf(applyConfig(config.stored, overrides, dims.layerCount));

  const checkpoint = await openCheckpoint(source);
  await closeReaders(checkpoint);
  const { layers } = stored.sharing;
  const located = locateTensors(checkpoint, weightSpecs(dims, layers));
  const tensors = exportedTensors(dims, layers, wanted.sharing.layers, located, round);
  const embedding = tensors.find(({ spec }) => spec.role === 'embed');
  const { text, readBy } = exportedConfig(
    await textOf(source, CONFIG),
    config,
    stored,
    wanted,
    embedding?.type ?? round,
  );
  const files = [
    fileOf(CONFIG, new TextEncoder().encode(text)),
    ...(await companionsOf(source)),
    weightsFile(source, tensors),
  ];

  const totalBytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const written = { file: '', bytes: 0 };
  const progress = new ProgressReports(emit);
  const tell = () => {
    progress.tell({ type: 'export', file: written.file, writtenBytes: written.bytes, totalBytes });
  };
  async function* watched({ name: file, chunks }: ExportedFile): AsyncGenerator<Uint8Array, void> {
    written.file = file;
    for await (const chunk of chunks) {
      if (stopped()) throw new Stopped();
      yield chunk;
      written.bytes += chunk.length;
      tell();
    }
  }
  const name = `${plainName(id)}-export`;
  const summary = { files: files.map((file) => file.name), bytes: totalBytes, readBy };
  try {
    const taken = await sink(name, inTurn(files.map((file) => ({ ...file, chunks: watched(file) }))));
    tell();
    progress.flush();
    return { end: 'complete', ...taken, ...summary };
  } catch (error) {
    // A source may throw its own exception if it is stopped.
    if (stopped()) return { end: 'stopped', name, zip: null, ...summary, files: [], bytes: 0 };
    throw error;
  } finally {
    progress.end();
  }
}

/** The folder name for a model's id, such as `folder:my model` or `owner/my-model@main`. */
const plainName = (id: string) =>
  (id.split(/[/\\:]/).at(-1) ?? '')
    .replace(/@.*$/, '')
    .replace(/[^\w.-]+/g, '-')
    .replace(/^\.+/, '') || 'model';

function weightsFile(source: ModelSource, tensors: readonly ExportedTensor[]): ExportedFile {
  const forms = tensors.map(({ spec, type }) => tensorForm(spec, type));
  const header = safetensorsHeader(forms);
  const sizeBytes = forms.reduce((sum, { bytes }) => sum + bytes, header.length);
  async function* chunks(): AsyncGenerator<Uint8Array, void> {
    const stored = new TensorBytes(source);
    try {
      yield header;
      for (const tensor of tensors) yield* stored.of(tensor);
    } finally {
      await stored.close();
    }
  }
  return { name: 'model.safetensors', sizeBytes, chunks: chunks() };
}

async function textOf(source: ModelSource, file: string): Promise<string> {
  const text = await source.text(file);
  if (text !== null) return text;
  throw new Refused({ code: 'download-failed', file, status: 404, reason: 'it was there and is gone' });
}
