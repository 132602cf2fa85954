/** The words of the building blocks that all panels use. Failures stand in explain.ts. */
export const words = {
  opening: 'Opening…',
  notFetched: 'This part of the page could not be loaded. Check the connection and reload the page.',
  dismiss: 'Dismiss',
  savePicture: (of: string, format: string) => `Save “${of}” as ${format}`,
  copied: (what: string) => `${what} copied.`,
  copyNotAllowed: 'The browser did not allow copying: copy the text below.',
  copyByHand: 'Text to copy',
  /** Both go on after a percentage. */
  kvPerNewToken: 'per new token',
  kvAtContext: (tokens: string, perNewToken: string) => `at ${tokens} tokens · ${perNewToken} per new token`,
  klAxis: 'KL in nats per position; the axis shows square roots',
  positionAxis: 'position',
  sameLikeliest: 'the likeliest token is the same',
  otherLikeliest: 'the likeliest token is another',
  positions: 'Position by position',
  columns: { position: 'Position', token: 'Token', kl: 'KL', sameLikeliest: 'Same likeliest' },
  yes: 'yes',
  no: 'no',
  noPosition: 'No position was compared.',
  divergence: (agreement: string, positions: number, meanKl: string, maxKl: string) =>
    `Top-1 agreement ${agreement} of ${positions} positions; KL ${meanKl} nats per position on average, ${maxKl} at most.`,
  leftOut: (positions: number) =>
    ` The ${positions} positions after them were left out, because their logits would not fit in memory.`,
  cpu: 'CPU',
  webgpu: 'WebGPU',
  noGpu: (name: string) => (name === '' ? 'no GPU is used' : `no GPU is used: ${name}`),
  softwareAdapter: (title: string) => `${title} (software adapter)`,
  unnamedGpu: 'the browser does not name the GPU',
} as const;
