import type { TransformersFiles } from '../../../worker/protocol/peer.ts';
import { loadTransformers, type Transformers } from '../../../worker/peer/transformers-js.ts';
import { modelFiles } from '../../../worker/peer/model-files.ts';
import { openPageSource } from '../../../worker/loader/page-source.ts';
import { valueOf } from '../../../worker/outcome.ts';
import { placeHere } from '../../../worker/text/place-here.ts';
import type { Continue } from '../../../worker/peer/continued.ts';

export interface TransformersOptions {
  readonly files: TransformersFiles;
  readonly device: 'webgpu' | 'wasm';
  readonly threads: number;
}

export interface OpenedTransformers extends Pick<Transformers, 'versions' | 'threads'> {
  readonly write: Continue;
}

/** transformers.js as the page runs it, with float32 throughout. */
export async function openTransformers(
  { files, device, threads }: TransformersOptions,
  pageUrl: string,
  model: string,
  positions: number,
): Promise<OpenedTransformers> {
  const library = await loadTransformers({ files, device, threads });
  const written = await modelFiles({
    source: valueOf(openPageSource(pageUrl, model)),
    ...{ config: {}, weights: 'stored', quantizeEmbeddings: false, halves: false },
    positions: () => positions,
    openTextPlace: placeHere,
    emit: () => undefined,
  });
  const write = await library.open(written);
  const { versions } = library;
  return { versions, threads: library.threads, write };
}
