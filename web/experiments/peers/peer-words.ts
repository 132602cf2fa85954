/** The words about another engine. */
import type {
  PeerEvent,
  PeerFacts,
  PeerFailure,
  PeerMemory,
  PeerStep,
} from '../../../worker/protocol/peer.ts';
import { explain } from '../../ui/explain.ts';
import { formatBytes } from '../../ui/format.ts';

const steps: Readonly<Record<PeerStep, string>> = {
  engine: 'loading ONNX Runtime',
  model: 'reading the model',
  graph: 'preparing the graph',
  'warm-up': 'warming up',
  run: 'writing',
};

const rest = 'The other configurations are not affected.';

/** What went wrong, and what to do. */
export function explainPeer(failure: PeerFailure): string {
  switch (failure.code) {
    case 'model':
      return `transformers.js did not run: ${explain(failure.failure)}`;
    case 'too-large':
      return `transformers.js did not run: the weights take ${formatBytes(failure.bytes)}, and an ONNX file holds less than 2 GiB. Choose 8-bit or 4-bit weights, or a smaller model.`;
    case 'not-quantizable':
      return `transformers.js did not run: a weight cannot be quantized (${failure.reason}). Choose other weights.`;
    case 'no-adapter':
      return 'transformers.js did not run: this browser gives its worker no WebGPU adapter. Choose the CPU as backend.';
    case 'missing-file':
      return `transformers.js did not run: its file ${failure.file} could not be loaded (${failure.reason}). Check the connection, and compare again. ${rest}`;
    case 'out-of-memory':
      return `transformers.js ran out of memory while ${steps[failure.step]} (${failure.reason}). Choose 8-bit or 4-bit weights, fewer new tokens, or a smaller model. ${rest}`;
    case 'failed':
      return `transformers.js failed while ${steps[failure.step]}: ${failure.reason} ${rest}`;
    case 'broken':
      return `The worker of transformers.js ended (${failure.reason}). Reload the page, and compare again. ${rest}`;
    case 'silent':
      return `transformers.js was ended because it did not answer for ${failure.seconds} seconds. Choose fewer new tokens, or a smaller model. ${rest}`;
    case 'stopped':
      return 'transformers.js was stopped.';
  }
}

/** How far it is with opening a model, from 0 to 1, and in words. */
export function peerProgress(event: PeerEvent): { readonly fraction: number; readonly what: string } | null {
  switch (event.type) {
    case 'engine':
      return {
        fraction: 0.3 * (event.loadedBytes / event.totalBytes),
        what: `transformers.js: ${steps.engine}, ${formatBytes(event.loadedBytes)} of ${formatBytes(event.totalBytes)}`,
      };
    case 'step':
      return {
        fraction: { engine: 0, model: 0.3, graph: 0.4, 'warm-up': 0.5, run: 0.5 }[event.step],
        what: `transformers.js: ${steps[event.step]}`,
      };
    case 'model':
    case 'tokens':
      return null;
  }
}

export const engineVersion = ({
  transformers,
  onnxRuntime,
}: Pick<PeerFacts, 'transformers' | 'onnxRuntime'>) =>
  `transformers.js ${transformers}, ONNX Runtime ${onnxRuntime}`;

const matrices = {
  f32: 'f32 weights',
  f16: 'f16 weights',
  q8: '8-bit weights',
  q4: '4-bit weights',
} as const;

/** How it runs, all that a person needs to repeat it. */
export function engineOptions(
  facts: Omit<PeerFacts, 'promptTokens' | 'transformers' | 'onnxRuntime'>,
): string {
  const threads = facts.threads === 1 ? '1 thread' : `${facts.threads} threads`;
  const device = facts.device === 'webgpu' ? 'WebGPU' : `WebAssembly, ${threads}`;
  return `${device}, ${facts.build}, ${matrices[facts.matrices]}, computed in ${facts.numbers}, greedy`;
}

/** What could be seen of its memory. It reports nothing itself. */
export function peerMemory({ heapBytes, gpuBytes }: PeerMemory): string {
  const seen = [
    heapBytes === null ? null : `${formatBytes(heapBytes)} WebAssembly memory`,
    gpuBytes === null ? null : `${formatBytes(gpuBytes)} GPU buffers`,
  ].filter((part) => part !== null);
  return seen.length === 0 ? 'not reported' : seen.join(', ');
}
