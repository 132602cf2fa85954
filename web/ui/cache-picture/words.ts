const count = (tokens: number) => tokens.toLocaleString('en');

/** The words of the picture of a cache. */
export const words = {
  title: 'What each store holds',
  axisPosition: 'position of the token',
  heldRow: 'held row',
  heldByScore: 'held row: the stronger the color, the higher its score',
  evicted: 'evicted',
  picture: 'Tokens that each store holds. Arrow keys read the cells',
  role: 'picture of the cache',
  layer: (owner: number) => `Layer ${owner}`,
  head: (head: number) => `KV head ${head}`,
  readBy: (readers: string) => (readers === '' ? 'read by none' : `read by ${readers}`),
  rows: (rows: number, tokens: number) => `${count(rows)} of ${count(tokens)}`,
  showHeads: (owner: number) => `KV heads of layer ${owner}`,
  merged: (tokens: number) => `Each cell stands for ${tokens} neighboring tokens.`,
  shade: 'The stronger a cell’s color, the higher its score.',
  still: 'Cells are held rows; gaps were evicted.',
  token: (position: number, text: string | null) =>
    `Token ${count(position)}${text === null ? '' : ` (${text})`}`,
  held: (owner: number, heads: number, of: number) =>
    of === 1 ? `held by layer ${owner}` : `held by layer ${owner} in ${heads} of ${of} KV heads`,
  gone: (owner: number) => `no longer held by layer ${owner}`,
  score: (score: string) => `score ${score}`,
  table: 'As a table',
  columns: { owner: 'Layer', readers: 'Read by', rows: 'Rows in each KV head', positions: 'Positions' },
  positions: (ranges: readonly string[], more: number) =>
    `${ranges.join(', ')}${more > 0 ? ` and ${more} more` : ''}`,
  differs: 'differ by KV head',
} as const;
