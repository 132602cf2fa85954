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
] as const;

/**
 * What to say of a model that lacks a file that kvtab needs: which other weights it has, and what to do, as the end of
 * a sentence. Empty if there is nothing to say.
 *
 * @param names the model's files
 */
export function otherWeights(names: readonly string[]): string {
  if (names.includes('adapter_model.safetensors')) {
    return '; adapter_model.safetensors is a LoRA adapter, which must be merged into its base model first';
  }
  const safetensors = names.filter((name) => name.toLowerCase().endsWith('.safetensors'));
  if (safetensors.some((name) => /^model(-\d+-of-\d+)?\.safetensors$/.test(name))) {
    return `; ${namesOf(safetensors)} ${areOrIs(safetensors)} there, but not all that belongs to it`;
  }
  for (const { end, what } of formats) {
    const found = names.filter((name) => name.toLowerCase().endsWith(end));
    if (found.length > 0) {
      return `; ${namesOf(found)} ${areOrIs(found)} ${what}, and kvtab reads safetensors: look for the original repository, or for the same model in safetensors`;
    }
  }
  if (safetensors.length === 0) return '';
  return `; ${namesOf(safetensors)} ${areOrIs(safetensors)} safetensors under another name: if it is the whole model, name it model.safetensors`;
}

const areOrIs = (names: readonly string[]) => (names.length > 1 ? 'are' : 'is');
