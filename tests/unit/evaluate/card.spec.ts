import { expect, it } from 'vitest';
import { familyTable, modelCard, type Dossier } from '../../../tools/evaluate/card.ts';
import { scoreOf } from '../../../tools/evaluate/evaluation.ts';

const score = scoreOf(3.5, 100, 400);
const dossier: Dossier = {
  id: 'fairy-cla',
  evaluation: {
    layerTypes: '0_0_2_2',
    backend: 'cpu',
    windows: 20,
    windowTokens: 255,
    parallel: score,
    sequential: score,
    kvBytesPerToken: 1024,
    plainKvBytesPerToken: 2048,
    contextTokens: 512,
    kvBytesAtContext: 131_072,
    samples: [{ prompt: 'Once', text: 'a\n```\n# b', repeated: 3, of: 12 }],
  },
  training: {
    title: 'CLA, pairs',
    parameters: 4_700_000,
    runs: [
      { command: 'first', tokens: 6_000_000, seed: 0 },
      { command: 'second', tokens: 500_000, seed: 7 },
    ],
  },
  check: null,
  policies: null,
  kernels: [],
};

it('a card shows both runs and their sum, and no sample can end the block that it stands in', () => {
  const card = modelCard(dossier);
  expect(card).toContain('| tokens trained | 6,500,000 |');
  expect(card).toContain('| `second` | 500,000 | 7 |');
  expect(card).toContain('| 1,024 (50 % of plain LLaMA) |');
  expect(card).toContain('| 131,072 (12.5 % of plain LLaMA) |');
  expect(card).toContain('\n    ```\n    # b\n');
  expect(card).toContain('3 of 12 phrases');
});

it('PyTorch is named only if it was run', () => {
  const check = {
    windows: 200,
    parallel: score,
    sequential: score,
    earlyNats: 3.6,
    lateNats: 3.5,
    contextTokens: 512,
  };
  expect(modelCard(dossier)).not.toContain('PyTorch');
  expect(modelCard({ ...dossier, check })).toContain('| PyTorch | 200 | sequential | 3.5000 |');
  expect(familyTable([dossier, { ...dossier, check }])).toMatch(
    /1\.2624 \| 20 \| 1\.2624 \| 1\.2624 \| 200 \| 25 %/,
  );
});
