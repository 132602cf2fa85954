/** What a number means, in plain words, and how it is computed. */
export interface Meaning {
  readonly words: string;
  readonly formula: string;
}

export const meanings = {
  'KV cache': {
    words:
      'For every token it has read, a layer that owns KV keeps one key and one value per KV head. Layers that share read another layer’s. “In use” counts the rows held now; a windowed cache never holds more than its window. The share is by token, against a plain LLaMA in which every layer keeps its own.',
    formula: 'per token = Σ over owners of 2 · KV heads · head size · bytes per number',
  },
  'Decode speed': {
    words: 'New tokens a second, from the first one to the last. The time to read the prompt is not in it.',
    formula: '(new tokens − 1) / (time of the last − time of the first)',
  },
  'Prefill speed': {
    words:
      'Tokens of the prompt a second, until the first new token is there. Compiling kernels is not counted. A plan that reads above itself walks its layers several times in parallel mode.',
    formula: 'prompt tokens / time to the first new token',
  },
  Adapter: {
    words:
      'Which processor computes. A software adapter is a processor behind WebGPU: its speeds say nothing of a GPU’s.',
    formula: 'as the browser names it',
  },
  'Quality against KV': {
    words:
      'How many bits the model needs to tell a byte of tales that it was not trained on, given what came before: the fewer, the better it foretells. Measured by kvtab itself, in sequential mode, on windows of 255 tokens; the card of each model has both modes and what PyTorch says. The dotted line joins those that no other beats in both.',
    formula: 'bits per byte = − Σ log₂ p(token) / bytes of the text',
  },
  'KV bytes in use': {
    words:
      'How the cache grows with the text, by the formula that also sizes it, and what the same model would take were every layer to keep its own keys and values. A flat stretch is a window that is full.',
    formula: 'Σ over owners of min(tokens, window if windowed) · 2 · KV heads · head size · bytes per number',
  },
  'Tokens per second': {
    words:
      'The speed at which the last eight tokens arrived, at each token. The figure above is the mean of all.',
    formula: '8 / (time of token n − time of token n − 8)',
  },
  'GPU time by kernel': {
    words:
      'After the run five more steps are decoded, each dispatch in a pass of its own, with a timestamp before and after; shown is the median, added up by kernel. Passes of their own cost time that a run does not spend, and browsers round timestamps to 100 µs: read the shares.',
    formula: 'Σ over a kernel’s dispatches of (end − begin)',
  },
  Tokens: {
    words:
      'The probability is the model’s own: the softmax of its raw logits at temperature 1, before the repetition penalty and before top-k, top-p and min-p cut anything off. Rank 1 is the likeliest token. The time is since the token before.',
    formula: 'p(token) = exp(logit) / Σ exp(logits)',
  },
  Convergence: {
    words:
      'In parallel mode a layer that reads above itself reads what the pass before has computed. A cell tells how far a pass moved what the next pass reads of a position: its keys and values in all caches that are read from below. 1 is the first pass, which starts from zero; 0 is settled. After n passes the first n positions are exact.',
    formula: '‖KV after the pass − KV before it‖ / ‖KV after the pass‖',
  },
  'Distance from exact': {
    words:
      'Sequential mode defines the model; parallel mode approximates it where too few passes run. For each position both predict the next token. KL tells how many nats are lost by believing the approximation; 0 is the same prediction. Agreement is how often both find the same token likeliest.',
    formula: 'KL = Σ over tokens of p exact · (log p exact − log p parallel)',
  },
  Agreement: {
    words:
      'The first configuration’s text is given to every other one, token by token (teacher-forced), and each says what it would have expected next. Top-1 agreement is the share of positions at which it finds the same token likeliest as the first does.',
    formula: 'positions with the same likeliest token / positions',
  },
  'KL per position': {
    words:
      'How far a configuration’s prediction of the next token is from the first one’s, on the first one’s text, in nats. 0 is the same prediction; 0.69 is as far as a coin that always falls on one side is from a fair one.',
    formula: 'KL = Σ over tokens of p first · (log p first − log p this)',
  },
} as const satisfies Record<string, Meaning>;

export type MeaningOf = keyof typeof meanings;
