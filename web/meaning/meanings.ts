/** What a number means, and how it is computed. */
export interface Meaning {
  readonly text: string;
  readonly formula: string;
}

export const meanings = {
  'KV cache': {
    text: 'For every token it has read, a layer that owns KV keeps one key and one value per KV head. Layers that share read another layer’s. “In use” counts the rows held now; a windowed cache never holds more than its window. The percentage is per token, compared with a plain LLaMA in which every layer keeps its own.',
    formula: 'per token = Σ over owners of 2 · KV heads · head size · bytes per number',
  },
  'Decode speed': {
    text: 'New tokens per second, from the first to the last. The time to read the prompt does not count. After several runs of the same set-up the figure is their median, with the slowest and the fastest of the last ten: a smaller difference is noise. Same set-up: all settings but prompt and seed, a prompt of the same length, and the same adapter and build.',
    formula: '(new tokens − 1) / (time of the last − time of the first)',
  },
  'Prefill speed': {
    text: 'Tokens of the prompt per second, until the first new token. Compiling kernels does not count. In parallel mode, a plan that reads above itself runs its layers several times. After several runs of the same set-up the figure is their median, with the slowest and the fastest.',
    formula: 'prompt tokens / time to the first new token',
  },
  Adapter: {
    text: 'Which processor computes. A software adapter is a CPU behind WebGPU: its speed says nothing about a GPU.',
    formula: 'as the browser names it',
  },
  'Quality against KV': {
    text: 'How many bits the model needs per byte of tales that it was not trained on, given the text before: the fewer, the better it predicts. Measured by kvtab itself, in sequential mode, on windows of 255 tokens. The card of each model has both modes and the result of PyTorch. The dotted line joins the models that no other beats in both memory and quality.',
    formula: 'bits per byte = − Σ log₂ p(token) / bytes of the text',
  },
  'Sharing and policies against KV': {
    text: 'Two ways of saving memory on one scale: to share keys and values between layers, which a model is trained for, and to evict rows, which any model bears more or less. Each model’s dot keeps everything. From the chosen one, a line leads to ever smaller budgets of a policy: 64, 32 and 12 rows; a dashed line has the state of LESS in addition, whose bytes count. Only the tokens after a prompt count, fed under the policy, so the numbers differ from those of the chart above.',
    formula: 'KV = rows · (keys, values, score, position) + states, in f16, after a whole window',
  },
  'KV bytes in use': {
    text: 'How the cache grows with the text, by the formula that also sets its size, and what the same model would use if every layer kept its own keys and values. The line is flat while a window is full.',
    formula: 'Σ over owners of min(tokens, window if windowed) · 2 · KV heads · head size · bytes per number',
  },
  'Tokens per second': {
    text: 'The speed of the last eight tokens, at each token. The figure above is the mean over all tokens.',
    formula: '8 / (time of token n − time of token n − 8)',
  },
  'GPU time by kernel': {
    text: 'After the run, five more steps are decoded with one pass per dispatch and a timestamp before and after each. The table shows the median, added up by kernel. Separate passes cost time that a run does not spend, and browsers round timestamps to 100 µs, so compare the fractions rather than the times.',
    formula: 'Σ over a kernel’s dispatches of (end − begin)',
  },
  Tokens: {
    text: 'The probability is the model’s own: the softmax of its raw logits at temperature 1, before the repetition penalty and before top-k, top-p and min-p cut anything off. Rank 1 is the likeliest token. The time is measured from the token before.',
    formula: 'p(token) = exp(logit) / Σ exp(logits)',
  },
  'Attention of a token': {
    text: 'A token takes from the keys and values of earlier tokens what it needs. How much it reads of each is a probability: those of one head sum to 1. A plan decides whose keys and values a layer reads, a window and a policy which of them are still there: what a policy has evicted is not 0, it is gone, and the others share its part. The text is read again as the run read it, up to the token. In parallel mode the last pass of iterated layers counts; under LESS, a part is recalled of evicted rows.',
    formula: 'p(key) = exp(q·k / √head size) / Σ over visible rows of exp(q·k / √head size)',
  },
  Convergence: {
    text: 'In parallel mode, a layer that reads above itself reads what the pass before computed. A cell shows how far a pass moved what the next pass reads at a position: its keys and values in all caches that are read from below. It is 1 at the first pass, which starts from zero, and 0 once the position is settled. After n passes the first n positions are exact.',
    formula: '‖KV after the pass − KV before it‖ / ‖KV after the pass‖',
  },
  'Distance from exact': {
    text: 'Sequential mode defines the model. Parallel mode approximates it if too few passes run. Both predict the next token at each position. KL is the number of nats lost by using the approximation; 0 means the same prediction. Agreement is how often both find the same token likeliest.',
    formula: 'KL = Σ over tokens of p exact · (log p exact − log p parallel)',
  },
  Agreement: {
    text: 'Every other configuration reads the first one’s text, token by token (teacher forcing), and predicts each next token. Top-1 agreement is the fraction of positions at which its likeliest token is also the first one’s.',
    formula: 'positions with the same likeliest token / positions',
  },
  'KL per position': {
    text: 'How far a configuration’s prediction of the next token is from the first one’s, on the first one’s text, in nats. 0 means the same prediction; 0.69 is the distance between a fair coin and one that always lands on the same side.',
    formula: 'KL = Σ over tokens of p first · (log p first − log p this)',
  },
} as const satisfies Record<string, Meaning>;

export type MeaningOf = keyof typeof meanings;
