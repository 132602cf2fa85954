/** A model of the Hub to start with. Public and not gated. */
export interface Suggestion {
  readonly repository: string;
  readonly name: string;
  /** What its page on the Hub said, in its own units; the server says the size again before a download. */
  readonly size: string;
  /** As its page names it; null if it names none. */
  readonly license: string | null;
  readonly about: string;
}

/** From the smallest to the largest. */
export const suggestions: readonly Suggestion[] = [
  {
    repository: 'nickypro/tinyllama-15M',
    name: 'TinyStories 15M',
    size: '32 MB',
    license: 'MIT',
    about: 'LLaMA for very short stories',
  },
  {
    repository: 'HuggingFaceTB/SmolLM2-135M-Instruct',
    name: 'SmolLM2 135M',
    size: '271 MB',
    license: 'Apache 2.0',
    about: 'LLaMA that chats',
  },
  {
    repository: 'HuggingFaceTB/SmolLM2-360M-Instruct',
    name: 'SmolLM2 360M',
    size: '726 MB',
    license: 'Apache 2.0',
    about: 'LLaMA that chats',
  },
  {
    repository: 'Qwen/Qwen2.5-0.5B-Instruct',
    name: 'Qwen2.5 0.5B',
    size: '995 MB',
    license: 'Apache 2.0',
    about: 'Qwen2 that chats',
  },
  {
    repository: 'Qwen/Qwen3-0.6B',
    name: 'Qwen3 0.6B',
    size: '1.51 GB',
    license: 'Apache 2.0',
    about: 'Qwen3 that chats',
  },
  {
    repository: 'whynlp/tinyllama-lckv-w2-ft-100b',
    name: 'TinyLlama LCKV',
    size: '2.16 GB',
    license: null,
    about: 'LCKV’s own model: 3 of 22 layers keep KV',
  },
  {
    repository: 'TinyLlama/TinyLlama-1.1B-Chat-v1.0',
    name: 'TinyLlama 1.1B',
    size: '2.2 GB',
    license: 'Apache 2.0',
    about: 'LLaMA that chats',
  },
  {
    repository: 'unsloth/Llama-3.2-1B-Instruct',
    name: 'Llama 3.2 1B',
    size: '2.49 GB',
    license: 'Llama 3.2 Community License',
    about: 'LLaMA that chats',
  },
];
