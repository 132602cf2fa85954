const LONGEST_PLAN = 40;
const count = (tokens: number) => tokens.toLocaleString('en');

/** The words of the picture of the plan and its cache. */
export const words = {
  title: 'Plan and cache',
  about:
    'A row is a layer. A cell is a token whose keys and values the cache holds; the boxes behind are plain LLaMA.',
  legend: {
    owner: 'keeps KV',
    reader: 'reads another’s',
    readsBelow: 'reads below',
    above: (passes: number) => `reads above: iterated ${passes}×`,
    windowed: 'through the window',
    held: 'held',
    /** Saved pictures are always light; a dark page shades the other way round. */
    heldByScore: 'held: the darker, the higher its score',
    heldByShade: 'held: the stronger its shade, the higher its score',
    planned: 'this plan’s cache',
    plain: 'plain LLaMA’s',
  },
  picture: {
    label: 'Layers, the last one first',
    hint: 'Drag a layer onto the layer that it should read.',
    keys: 'Keys',
    help: 'Drag a layer onto the layer whose keys and values it should read. Or use the keyboard: up and down choose a layer, left and right change which layer it reads, a number names that layer, S toggles the window, and O gives the layer KV of its own.',
    layerHead: 'Layer',
    readsHead: 'Reads',
    empty: '–',
    window: 'window',
    changed: (layers: number) => `${layers} layers changed.`,
    tooMany: (layers: number) => `the model has ${layers} layers`,
    problem: (layer: number, problem: string, entry: string) =>
      `Layer ${layer}: ${problem}${entry === '' ? '' : `, “${entry}”`}`,
    readsItself: 'reads itself',
    readsOther: (layer: number, above: boolean) => `reads layer ${layer}, ${above ? 'above' : 'below'}`,
    layer: (layer: number, reads: string, windowed: boolean, owner: boolean) =>
      `Layer ${layer} ${reads}${windowed ? ', through the window' : ''}${owner ? ', keeps KV' : ''}`,
  },
  toolbar: {
    label: 'Edit the selected layers',
    none: 'No layer selected',
    one: (layer: number) => `Layer ${layer}`,
    several: (layers: number) => `${layers} layers`,
    reads: 'reads',
    readsLayer: 'Reads layer',
    ownKv: 'Own KV',
    window: 'Window',
    selectSeveral: 'Select several',
    undo: 'Undo',
    redo: 'Redo',
  },
  cells: {
    label: 'Tokens that each layer’s cache holds. Arrow keys read the cells, plus and minus zoom',
    role: 'picture of the cache',
    axis: 'position of the token',
    zoomIn: 'Zoom in',
    zoomOut: 'Zoom out',
    first: 'First token in view',
    merged: (tokens: number) => `A cell is ${tokens} tokens.`,
    reads: (layer: number, short: boolean) => (short ? `reads ${layer}` : `empty: reads layer ${layer}`),
  },
  /** What the picture shows, if nothing is pointed at. */
  state: {
    planned: (tokens: number) =>
      `Dashed: what this plan would hold of ${count(tokens)} tokens. Press Generate.`,
    wrong: 'Correct the layer types to see what this plan would hold.',
    filling: (tokens: number) => `The cache fills: ${count(tokens)} tokens so far.`,
    full: (tokens: number) => `What the cache holds after ${count(tokens)} tokens.`,
    under: (tokens: number, policy: string) =>
      `What the cache holds after ${count(tokens)} tokens, under ${policy}.`,
    unwatched: (tokens: number, policy: string) =>
      `${count(tokens)} tokens under ${policy}, not watched: drawn as if the newest stayed.`,
    /** Plans of many layers have no room; the figure "KV cache" has them. */
    stale: (model: string, plan: string) =>
      `Pale: the last run, ${model}${plan.length > LONGEST_PLAN ? '' : ` ${plan}`}. Dashed: these settings.`,
    several:
      'The last run wrote several texts together, each with a cache of its own. Set Continuations to 1 to watch one.',
  },
  reading: {
    token: (position: number, text: string | null) =>
      `Token ${count(position)}${text === null ? '' : ` (${text})`}`,
    tokens: (from: number, to: number, text: string) =>
      `Tokens ${count(from)}–${count(to)}${text === '' ? '' : ` (${text})`}`,
    held: (owner: number, heads: number, of: number) =>
      of === 1 ? `held by layer ${owner}` : `held by layer ${owner} in ${heads} of ${of} KV heads`,
    rowsHeld: (owner: number, rows: number, of: number) =>
      `layer ${owner} holds ${count(rows)} of these ${count(of)}`,
    gone: (owner: number) => `no longer held by layer ${owner}`,
    later: 'not written yet',
    none: (layer: number, owner: number) => `layer ${layer} holds nothing and reads layer ${owner}`,
    score: (score: string) => `score ${score}`,
    highestScore: (score: string) => `highest score ${score}`,
    readBy: (readers: string) => (readers === '' ? 'read by none' : `read by ${readers}`),
    sees: (from: number, to: number) =>
      to <= from ? 'it sees no token' : `it sees tokens ${count(from)}–${count(to - 1)}`,
    wouldKeep: (layer: number, rows: number, bytes: string, readers: string) =>
      `Layer ${layer} would hold ${count(rows)} tokens${bytes === '' ? '' : `, ${bytes}`}, read by ${readers}`,
    keeps: (layer: number, rows: number, bytes: string, readers: string) =>
      `Layer ${layer} holds ${count(rows)} tokens, ${bytes}, read by ${readers}`,
  },
  bytes: {
    head: 'KV',
    of: (plain: string, percent: string) => `${percent} of plain LLaMA’s ${plain}`,
    now: 'in use:',
    planned: (tokens: number) => `at ${count(tokens)} tokens:`,
    unknown: '–',
  },
  table: {
    summary: 'As a table',
    columns: {
      layer: 'Layer',
      reads: 'Reads',
      readers: 'Read by',
      rows: 'Rows in each KV head',
      positions: 'Positions',
      bytes: 'KV',
    },
    rows: (rows: number, tokens: number) => `${count(rows)} of ${count(tokens)}`,
    positions: (ranges: readonly string[], more: number) =>
      `${ranges.join(', ')}${more > 0 ? ` and ${more} more` : ''}`,
    differs: 'differ by KV head',
    nothing: 'none',
  },
  watch: 'Watch which rows the policy keeps',
  watchHint:
    'Reads the caches back a few times a second. Speeds of such runs are kept apart; without it, only the number of rows is known.',
  tokens: 'Tokens of the text that are still held',
  /** @param state whether LESS's state sums up the rows that are gone */
  summary: (held: number, all: number, byEveryStore: boolean, state: boolean) =>
    held === all
      ? `All ${count(all)} tokens are still held by ${byEveryStore ? 'every store' : 'some store'}.`
      : `${count(held)} of ${count(all)} tokens are still held by some store; the others are crossed out, and ${state ? 'only their sum is left, in the state of each store' : 'the model cannot read them again'}.`,
  earlier: (tokens: string) => `… ${tokens} before`,
} as const;
