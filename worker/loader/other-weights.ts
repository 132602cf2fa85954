import type { ModelSource } from './model-source.ts';
import { namesOf } from './names.ts';

/** Weights that other programs read, by the end of their files' names. */
const formats = [
  { end: '.gguf', what: 'GGUF, which llama.cpp reads' },
  { end: '.bin', what: 'PyTorch pickles' },
  { end: '.pth', what: 'PyTorch pickles' },
  { end: '.pt', what: 'PyTorch pickles' },
  { end: '.onnx', what: 'ONNX' },
  { end: '.h5', what: 'TensorFlow' },
  { end: '.msgpack', what: 'Flax' },
  { end: '.npz', what: 'MLX or NumPy arrays' },
  { end: '.safetensors', what: 'safetensors under other names' },
] as const;

/** What to say of a model without weights that kvtab reads: which others it has, as the end of a sentence. */
export async function otherWeights(source: ModelSource): Promise<string> {
  const names = await source.names();
  if (names.includes('adapter_model.safetensors')) {
    return '; adapter_model.safetensors is a LoRA adapter, which must be merged into its base model first';
  }
  for (const { end, what } of formats) {
    const found = names.filter((name) => name.toLowerCase().endsWith(end));
    if (found.length > 0) {
      return `; ${namesOf(found)} ${found.length > 1 ? 'are' : 'is'} ${what}: look for the same model in safetensors`;
    }
  }
  return '';
}
