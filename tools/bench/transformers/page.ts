import { openProcessorBackend } from '../../../gpu/wasm/backend.ts';
import { openWebGpuBackend } from '../../../gpu/webgpu/backend.ts';
import type { Continue } from '../../../worker/peer/continued.ts';
import { openKvtab } from './decode-kvtab.ts';
import { spread } from '../spread.mjs';
import { nameOf } from '../../../worker/peer/engine-file.ts';
import { openTransformers, type TransformersOptions } from './decode-transformers.ts';

export interface CompareRequest extends TransformersOptions {
  readonly model: string;
  readonly prompt: readonly number[];
  /** What both sides must write: the model's golden continuation. Its length is the number of new tokens. */
  readonly expected: readonly number[];
  readonly repeats: number;
}

export type Comparison = Awaited<ReturnType<typeof compare>>;

declare global {
  // `var`, because nothing else declares a property of globalThis.
  var compareDecoders: (request: CompareRequest) => Promise<Comparison>;
}

globalThis.compareDecoders = compare;

/** Decodes by turns with kvtab and with transformers.js, so that other work on the machine slows both. */
async function compare(request: CompareRequest) {
  const { model, prompt, expected, repeats } = request;
  const backend = await (request.device === 'wasm'
    ? openProcessorBackend()
    : openWebGpuBackend(navigator.gpu));
  const pageUrl = new URL('/public/', location.href).href;
  const kvtab = await openKvtab(backend, pageUrl, model);
  // Compiles kernels. On the CPU, V8 needs more than a few tokens before it optimizes fully.
  const warmUpTokens = request.device === 'wasm' ? 2 * expected.length : 4;
  const positions = prompt.length + Math.max(expected.length, warmUpTokens);
  const transformers = await openTransformers(request, pageUrl, model, positions);

  const speeds = { kvtab: [] as number[], transformers: [] as number[] };
  const measure = async (name: keyof typeof speeds, decode: Continue) => {
    const { tokens, decodeTokensPerSec } = await decode(prompt, expected.length);
    if (tokens.join() !== expected.join()) {
      throw new Error(`${name} wrote the tokens ${tokens.join(' ')} instead of ${expected.join(' ')}`);
    }
    speeds[name].push(decodeTokensPerSec);
  };
  for (const decode of [kvtab, transformers.write]) await decode(prompt, warmUpTokens);
  for (let i = 0; i < repeats; i++) {
    await measure('kvtab', kvtab);
    await measure('transformers', transformers.write);
  }
  const [ours, theirs] = [spread(speeds.kvtab), spread(speeds.transformers)];
  const report = {
    model,
    promptTokens: prompt.length,
    newTokens: expected.length,
    sameTokens: true, // checked above
    adapter: backend.adapter,
    kvtab: { backend: backend.adapter.backend, decodeTokensPerSec: ours },
    transformers: {
      device: request.device,
      runtimeBuild: nameOf(request.files.wasm),
      threads: transformers.threads,
      crossOriginIsolated,
      decodeTokensPerSec: theirs,
    },
    versions: transformers.versions,
    ratio: ours.median / theirs.median,
  };
  backend.destroy();
  return report;
}
