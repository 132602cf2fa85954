/** Two plans, timed in kvtab and in transformers.js, which cannot run the second one. */
export const peerExperiment = {
  experiment: 1,
  name: 'Beside transformers.js',
  model: 'fairy-llama',
  seed: 1,
  base: { backend: 'cpu', mode: 'sequential' },
  vary: [{ layers: ['0_1_2_3_4_5_6_7', '0_0_2_2_4_4_6_6'] }, { engine: ['kvtab', 'transformers.js'] }],
  measure: [{ id: 'speed', kind: 'speed', prompt: [5], generate: [8], batch: [1], rounds: 2 }],
} as const;

export const peerExperimentLink = (json: object = peerExperiment) =>
  `#v=1&backend=cpu&experiment=${encodeURIComponent(JSON.stringify(json))}`;
