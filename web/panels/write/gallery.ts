/** A link to something worth seeing. Opening it loads and runs nothing. */
export interface Card {
  readonly title: string;
  readonly text: string;
  /** The part of the address after `#`. */
  readonly hash: string;
}

/** What stands where the text will stand until there is one. */
export const cards: readonly Card[] = [
  {
    title: 'LCKV',
    text: 'Three of eight layers keep KV, and all others read the topmost.',
    hash: 'v=1&model=fairy-lckv&mode=fastest&max=120',
  },
  {
    title: 'Plain LLaMA',
    text: 'Every layer keeps its own: the full price.',
    hash: 'v=1&model=fairy-llama&mode=fastest&max=120',
  },
  {
    title: 'YOCO',
    text: 'Windows below, one cache for the upper half.',
    hash: 'v=1&model=fairy-yoco&mode=fastest&max=200',
  },
  {
    title: 'An untrained plan',
    text: 'Weights that never learned to share. Read what comes out.',
    hash: 'v=1&model=fairy-llama&layers=0_6_6_6_6_6_6_7&mode=fastest&max=60',
  },
  {
    title: 'Sinks and recent',
    text: 'StreamingLLM keeps 4 first and 28 last tokens of a long text.',
    hash: 'v=1&model=fairy-lckv&mode=fastest&max=300&policy=sinks&sinks=4&recent=28',
  },
  {
    title: 'Heavy hitters',
    text: 'H2O keeps what is attended to most: watch the scores.',
    hash: 'v=1&model=fairy-lckv&mode=fastest&max=200&policy=h2o&heavy=16&recent=16',
  },
  {
    title: 'Four at once',
    text: 'One prompt, four seeds, written together.',
    hash: 'v=1&model=fairy-lckv&mode=fastest&texts=4&max=60',
  },
  {
    title: 'The whole family',
    text: 'Seven ways of sharing, compared with one press.',
    hash: 'v=1&model=fairy-lckv&mode=fastest&tab=compare',
  },
];
