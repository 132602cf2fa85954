/** The sets of items that ship, by their digests, and what can be measured with each. A test compares the digests. */
export const shippedSets = {
  tales: {
    sha256: 'aa728a19906a5c59adb18d3c45ae2f9730e6df019d1ed875844b5cd24b50662c',
    name: 'fairy_rolling.jsonl',
  },
  next: {
    sha256: '426ce138a46051d80566d3a0efbe36d96ce097427e84d92c733c39de0effb0b8',
    name: 'fairy_next.jsonl',
  },
  order: {
    sha256: '490338a84469345601906ccf6d5e2abc185305d7b355970bb819df339da251e2',
    name: 'fairy_order.jsonl',
  },
  lastWord: {
    sha256: '298682ec0dcff2761375ff5e065def11f42081273f1b6c1335cd4dd77dcf2a70',
    name: 'fairy_last_word.jsonl',
  },
} as const;

/** The experiments that ship, in the order of their cards. */
export const shippedExperiments = ['family', 'policies', 'throughput'] as const;
export type ShippedExperiment = (typeof shippedExperiments)[number];
