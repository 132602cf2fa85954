import { expect, test } from 'playwright/test';
import { finished, visit } from './lab.ts';

test('while a run writes, the script of the page takes at most 10 ms per token', async ({ page }) => {
  const lab = await visit(page);
  const session = await page.context().newCDPSession(page);
  // The time that the thread computed: the software adapter fills every core, and waiting for one is not our work.
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  const scriptMs = async () => {
    const { metrics } = await session.send('Performance.getMetrics');
    return (metrics.find(({ name }) => name === 'ScriptDuration')?.value ?? NaN) * 1000;
  };
  const newTokens = 64;
  await lab.number('Max new tokens').fill(String(newTokens));
  await lab.number('Temperature').fill('0');
  const beforeMs = await scriptMs();
  await lab.generate.click();
  await finished(lab);
  const perToken = ((await scriptMs()) - beforeMs) / newTokens;
  expect(perToken).toBeGreaterThan(0);
  expect(perToken).toBeLessThanOrEqual(10);
});
