/** An experiment that takes a few seconds on a processor. */
export const smallExperiment = {
  experiment: 1,
  name: 'Two plans',
  model: 'fairy-lckv',
  base: { backend: 'cpu', mode: 'sequential' },
  vary: [{ layers: ['0_6_6_6_6_6_6_7', '0_1_2_3_4_5_6_7'] }],
  measure: [
    {
      id: 'word',
      kind: 'continuation',
      items: {
        sha256: '298682ec0dcff2761375ff5e065def11f42081273f1b6c1335cd4dd77dcf2a70',
        name: 'fairy_last_word.jsonl',
      },
      limit: 2,
    },
  ],
} as const;
