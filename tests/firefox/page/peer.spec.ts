import { it } from 'vitest';
import { peerExperimentLink } from '../../support/peer-experiment.ts';
import { siteOfFile } from '../../support/site-of-file.ts';
import { openSite } from './lab.ts';

const site = siteOfFile(openSite);

it('transformers.js writes the tokens of kvtab in WebAssembly', async () => {
  const cpu = 'backend=cpu&1.backend=cpu&2.backend=cpu';
  const lab = await site().visit(
    `#v=1&tab=compare&model=fairy-llama&layers=0_1_2_3_4_5_6_7&max=8&${cpu}&1.model=fairy-llama&2.model=fairy-llama&2.engine=transformers.js`,
    /Copy link to this comparison/,
  );
  await lab.press('Compare');
  await lab.says(/Its 8 greedy tokens after the same \d+ tokens are those of kvtab\./);
});

it('An experiment times transformers.js beside kvtab, and says which plan it cannot run', async () => {
  const lab = await site().visit(peerExperimentLink(), /Not started: 4 rows, 8 items\./);
  await lab.press('Start experiment');
  await lab.until('status', 'Experiment', /^Done: 8 items\.$/);
  await lab.says(
    /Row 2, .*engine transformers\.js: transformers\.js 4\..*WebAssembly, 1 thread.*Row 4, .*Impossible in transformers\.js: layer 1/s,
  );
});

it('wllama writes the tokens of kvtab in WebAssembly', async () => {
  const cpu = 'backend=cpu&1.backend=cpu&2.backend=cpu';
  const lab = await site().visit(
    `#v=1&tab=compare&model=fairy-llama&layers=0_1_2_3_4_5_6_7&max=8&${cpu}&1.model=fairy-llama&2.model=fairy-llama&2.engine=wllama`,
    /Copy link to this comparison/,
  );
  await lab.press('Compare');
  await lab.says(/Its 8 greedy tokens after the same \d+ tokens are those of kvtab\./);
});
