/** The words of the panel that shows what the stores hold. */
export const words = {
  empty: 'Press Generate, and watch the cache fill. A cell is a token whose keys and values a store holds.',
  several:
    'The last run wrote several texts together, each with a cache of its own. Set Continuations to 1, and press Generate.',
  none: (plan: string) => `Everything that a layer of ${plan} can still see.`,
  under: (policy: string) => `Under ${policy}.`,
  tokens: 'Tokens of the text that are still held',
  /** @param state whether LESS's state sums up the rows that are gone */
  summary: (held: number, all: number, byEveryStore: boolean, state: boolean) =>
    held === all
      ? `All ${all.toLocaleString('en')} tokens are still held by ${byEveryStore ? 'every store' : 'some store'}.`
      : `${held.toLocaleString('en')} of ${all.toLocaleString('en')} tokens are still held by some store; the others are crossed out, and ${state ? 'only their sum is left, in the state of each store' : 'the model cannot read them again'}.`,
  earlier: (tokens: string) => `… ${tokens} before`,
} as const;
