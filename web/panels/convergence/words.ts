/** The words of the panel about the passes of parallel mode. */
export const words = {
  about:
    'Reads the prompt above in parallel mode, under the current plan and passes, and shows how far each pass moves each position.',
  compare: 'Compare with the exact result',
  compareHint: 'Reads the prompt once more, token by token, which takes longer',
  watch: 'Measure the passes',
  watching: 'Measuring the passes',
  waiting: 'You can measure once the model is loaded and idle.',
  exact: 'No layer of this plan reads above itself: one pass is exact.',
  distance: 'Distance from exact',
  layers: (first: number, last: number) => `layers ${first} to ${last}`,
  caption: (layers: string) =>
    `Passes down, positions across, ${layers}. The stronger the color, the farther the pass moved the position.`,
  settled: (pass: number, threshold: string) =>
    `Settled: pass ${pass} moves no position by ${threshold} or more, so ${pass - 1} passes are enough for this prompt.`,
  notSettled: (passes: number, moving: number, positions: number, threshold: string) =>
    `After ${passes} passes ${moving} of ${positions} positions still move by ${threshold} or more: more passes would change the result.`,
  cell: (pass: number, position: number, token: string | null, moved: string | null) =>
    `Pass ${pass}, position ${position}${token === null ? '' : ` (${token})`}: ${moved === null ? words.leftOut : `moved by ${moved}`}`,
  leftOut: 'left out',
  /** @param percent of the layer passes */
  skipped: (computed: number, all: number, percent: number) =>
    `Freezing left out ${percent} % of the layer passes: ${computed.toLocaleString('en')} of ${all.toLocaleString('en')} were computed. The others are drawn as lines.`,
  heatMap: (layers: string) => `Movement by pass and position, ${layers}`,
  axisPass: 'pass',
  axisPosition: 'position',
  legend: { all: 'moved by 100 %', little: 'moved by 1 %', nothing: 'did not move', leftOut: 'left out' },
  map: (layers: string) => `Movement by pass and position, ${layers}. Use the arrow keys to read its cells`,
  mapRole: 'heat map',
  table: 'As a table',
  columns: { pass: 'Pass', mean: 'Mean', largest: 'Largest', moving: 'Not settled', leftOut: 'Left out' },
  movingOf: (moving: number, positions: number) => `${moving} of ${positions}`,
} as const;
