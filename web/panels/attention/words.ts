/** The words of the panel about what a token reads. */
export const words = {
  about:
    'Reads the text of the last run again, up to a token that you choose, and shows which earlier tokens it reads.',
  show: 'Show what the last token reads',
  looking: 'Reading the text again, for what a token reads',
  stop: 'Stop',
  noRun: 'Press Generate first: this looks at the text of the last run.',
  running: 'The run has not ended yet.',
  failed: 'The last run has failed before it read its prompt, so there is nothing to look at.',
  several:
    'The last run wrote several texts together, which are not looked at here. Set Continuations to 1, and press Generate.',
  otherModel: (ran: string) =>
    `The last run used ${ran}, and other weights are loaded now. Load it again as it was, or press Generate to look at a run of this one.`,
  waiting: 'You can look once the model is loaded and idle.',
  chat: 'A chat is read here as one prompt. While you chatted, its cache was kept from turn to turn, so a policy, or a plan that reads above itself, may have read the older turns differently.',
  text: 'Text of the run. Choose a token to see what it reads: arrow keys move, Enter chooses',
  token: (position: number, text: string) => `Token ${position}: ${text}`,
  chosen: 'chosen',
  reads: (percent: string) => `read by ${percent}`,
  hidden: 'not visible',
  evicted: 'evicted',
  rows: 'Show',
  allLayers: 'All layers',
  headsOf: (layer: number, owner: number) =>
    layer === owner
      ? `Heads of layer ${layer}`
      : `Heads of layer ${layer}, which reads the keys and values of layer ${owner}`,
  combined: 'Heads together',
  ways: { mean: 'Mean', most: 'Maximum' },
  chosenTitle: (position: number, text: string) => `Token ${position}, ${text}`,
  prompt: {
    parallel:
      'It belongs to the prompt, which was read in parallel mode: of iterated layers, the last pass counts.',
    sequential: 'It belongs to the prompt, which was read in sequential mode.',
  },
  written: 'The run wrote it. This is what it reads as it is fed, before the token after it is drawn.',
  title: (position: number, text: string) => `Attention of token ${position}, ${text}`,
  byLayer: (way: string) => `by layer, ${way.toLowerCase()} over heads`,
  byHead: (layer: number) => `by head of layer ${layer}`,
  matrix: (title: string) => `${title}. Use the arrow keys to read its cells, and Enter to open a layer`,
  matrixRole: 'heat map',
  layer: (layer: number, owner: number) =>
    layer === owner ? `Layer ${layer}` : `Layer ${layer} (reads layer ${owner})`,
  head: (head: number) => `Head ${head}`,
  cell: (row: string, position: number, token: string, value: string) =>
    `${row}, position ${position} (${token}): ${value}`,
  recalled: (percent: string) => `LESS recalls another ${percent} of evicted rows`,
  nothing: 'reads nothing: no token before it is visible',
  legend: {
    all: 'reads 100 %',
    some: '10 %',
    little: '1 %',
    nothing: '0 %',
    hidden: 'not visible',
    evicted: 'evicted',
  },
  axisLayer: 'layer',
  axisHead: 'head',
  axisPosition: 'position',
  table: 'As a table',
  columns: { position: 'Position', token: 'Token', layer: (layer: number) => `Layer ${layer}` },
} as const;
