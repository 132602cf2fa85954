/** The words about another engine. */
import type {
  PeerEngine,
  PeerEvent,
  PeerFacts,
  PeerFailure,
  PeerMemory,
  PeerStep,
} from '../../../worker/protocol/peer.ts';
import { explain } from '../../ui/explain.ts';
import { formatBytes } from '../../ui/format.ts';

const steps = (engine: PeerEngine): Readonly<Record<PeerStep, string>> => ({
  engine: engine === 'wllama' ? 'loading llama.cpp' : 'loading ONNX Runtime',
  model: 'reading the model',
  graph: engine === 'wllama' ? 'loading the weights' : 'preparing the graph',
  'warm-up': 'warming up',
  run: 'writing',
});

const rest = 'The other results are not affected.';

/** What went wrong, and what to do. */
export function explainPeer(failure: PeerFailure, engine: PeerEngine): string {
  switch (failure.code) {
    case 'model':
      return `${engine} did not run: ${explain(failure.failure)}`;
    case 'too-large':
      return `${engine} did not run: the weights take ${formatBytes(failure.bytes)}, and its file holds less than ${formatBytes(failure.mostBytes)}. Choose 8-bit or 4-bit weights, or a smaller model.`;
    case 'not-writable':
      return `${engine} did not run: the file that it reads cannot say all of this model, because ${failure.reason}. Choose another model.`;
    case 'unsupported':
      return `${engine} did not run: this browser lacks ${failure.what}. Use a newer one. ${rest}`;
    case 'not-quantizable':
      return `${engine} did not run: a weight cannot be quantized (${failure.reason}). Choose other weights.`;
    case 'no-adapter':
      return `${engine} did not run: this browser gives its worker no WebGPU adapter. Choose the CPU as backend.`;
    case 'missing-file':
      return `${engine} did not run: its file ${failure.file} could not be loaded (${failure.reason}). Check the connection, and measure again. ${rest}`;
    case 'out-of-memory':
      return `${engine} ran out of memory while ${steps(engine)[failure.step]} (${failure.reason}). Choose 8-bit or 4-bit weights, fewer new tokens, or a smaller model. ${rest}`;
    case 'failed':
      return `${engine} failed while ${steps(engine)[failure.step]}: ${failure.reason} ${rest}`;
    case 'broken':
      return `The worker of ${engine} ended (${failure.reason}). Reload the page, and measure again. ${rest}`;
    case 'silent':
      return `${engine} was ended because it did not answer for ${failure.seconds} seconds. Choose fewer new tokens, or a smaller model. ${rest}`;
    case 'stopped':
      return `${engine} was stopped.`;
  }
}

/** How far it is with opening a model, from 0 to 1, and in words. */
export function peerProgress(
  event: PeerEvent,
  engine: PeerEngine,
): { readonly fraction: number; readonly what: string } | null {
  switch (event.type) {
    case 'engine':
      return {
        fraction: 0.3 * (event.loadedBytes / event.totalBytes),
        what: `${engine}: ${steps(engine).engine}, ${formatBytes(event.loadedBytes)} of ${formatBytes(event.totalBytes)}`,
      };
    case 'step':
      return {
        fraction: { engine: 0, model: 0.3, graph: 0.4, 'warm-up': 0.5, run: 0.5 }[event.step],
        what: `${engine}: ${steps(engine)[event.step]}`,
      };
    case 'model':
    case 'tokens':
      return null;
  }
}

const matrices = {
  f32: 'f32 weights',
  f16: 'f16 weights',
  bf16: 'bf16 weights',
  q8: '8-bit weights',
  q4: '4-bit weights',
} as const;

/** How it runs, all that a person needs to repeat it. */
export function engineOptions(facts: Omit<PeerFacts, 'promptTokens' | 'program'>): string {
  const threads = facts.threads === 1 ? '1 thread' : `${facts.threads} threads`;
  const device = facts.device === 'webgpu' ? 'WebGPU' : `WebAssembly, ${threads}`;
  return `${device}, ${facts.build}, ${matrices[facts.matrices]}, computed in ${facts.numbers === 'i8' ? '8-bit numbers' : facts.numbers}, greedy`;
}

/** What could be seen of its memory. It reports nothing itself. */
export function peerMemory({ heapBytes, gpuBytes }: PeerMemory): string {
  const seen = [
    heapBytes === null ? null : `${formatBytes(heapBytes)} WebAssembly memory`,
    gpuBytes === null ? null : `${formatBytes(gpuBytes)} GPU buffers`,
  ].filter((part) => part !== null);
  return seen.length === 0 ? 'not reported' : seen.join(', ');
}
