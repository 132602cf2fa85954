import { expect, test } from 'playwright/test';
import { formatNats } from '../../web/ui/divergence-words.ts';
import { bringAxe } from './axe.ts';
import { headless } from './headless-answer.ts';
import { takePictures, turnTo, visit } from './lab.ts';

interface Written {
  readonly tokens: readonly number[];
  readonly text: string;
}
interface Scored {
  readonly scored: {
    readonly divergence: { readonly kl: readonly number[]; readonly agrees: readonly boolean[] } | null;
  };
}

/** The first words that differ. */
function partingWords(text: string, reference: string): readonly (string | undefined)[] {
  const [words, others] = [text.trim().split(/\s+/), reference.trim().split(/\s+/)];
  const at = words.findIndex((word, i) => word !== others[i]);
  return [words[at], others[at]];
}

test.use({ permissions: ['clipboard-read', 'clipboard-write'] });

test.beforeEach(({ page }) => bringAxe(page));

test('compares configurations: one agrees with itself, and others differ as in the headless runner', async ({
  page,
}, testInfo) => {
  const lab = await visit(page);
  await lab.select('Backend').selectOption('CPU');
  await expect(page.getByText('Ready.', { exact: true })).toBeVisible();
  const prompt = await lab.prompt.inputValue();
  await lab.number('Max new tokens').fill('12');
  const part = page.getByRole('region', { name: 'Compare', exact: true });
  await turnTo(page, 'Compare');
  await expect(part).toContainText('sampling, one after the other.');
  const add = part.getByRole('button', { name: 'Add current settings' });
  // Compare does something at once; a list of one's own begins with what is set.
  await expect(part.getByRole('listitem', { name: 'Configuration 1' })).toContainText('Plain LLaMA');
  await expect(part.getByRole('listitem', { name: 'Configuration 2' })).toContainText('LCKV');
  await expect(part.getByRole('button', { name: 'Compare' })).toHaveAttribute('aria-disabled', 'false');
  await add.click();
  await expect(part.getByRole('listitem')).toHaveCount(1);
  await expect(part.getByRole('button', { name: 'Compare' })).toHaveAttribute('aria-disabled', 'true');
  await add.click();
  await lab.layerTypes.fill('0_1_2_3_4_5_6_7');
  await add.click();
  await part.getByRole('button', { name: 'Compare' }).click();

  const column = (number: number) => part.getByRole('listitem', { name: `Configuration ${number}` });
  await expect(column(3)).toContainText('KL, mean', { timeout: 60_000 });
  await expect(column(2)).toContainText(/Top-1 agreement.*100 %/s);
  await expect(column(2)).toContainText('0 nats');
  await expect(column(2).locator('mark')).toHaveCount(0);
  await expect(column(2)).toContainText('The same text as the first one.');
  await expect(column(1)).toContainText('768 B');
  await expect(column(3)).toContainText('2 KiB');

  const sampling = { temperature: 0.8, topK: 0, topP: 0.95, minP: 0, repetitionPenalty: 1.1, seed: 1 };
  const base = { model: 'fairy-lckv', backend: 'cpu', prompt, maxNewTokens: 12, sampling };
  const config = { layer_types: '0_1_2_3_4_5_6_7' };
  const [first, other] = (await headless([base, { ...base, config }])) as readonly Written[];
  const continuation = first?.tokens;
  const [, scored] = (await headless([
    { ...base, continuation },
    { ...base, config, continuation, reference: 'compare' },
  ])) as readonly Scored[];
  const kl = scored?.scored.divergence?.kl ?? [];
  await expect(column(3)).toContainText(
    `${formatNats(kl.reduce((sum, value) => sum + value, 0) / kl.length)} nats`,
  );
  const agreed = scored?.scored.divergence?.agrees.filter(Boolean).length ?? NaN;
  await expect(column(3)).toContainText(`${Math.round((1000 * agreed) / kl.length) / 10} %`);
  await expect(column(3)).toContainText(other?.text ?? 'nothing');
  await expect(column(1)).toContainText(first?.text ?? 'nothing');
  // The word at which the texts part is marked, and said in a sentence.
  const [own = '', theirs = ''] = partingWords(other?.text ?? '', first?.text ?? '');
  await expect(column(3)).toContainText(`then “${own}”, where the first one has “${theirs}”.`);
  await expect(column(3).locator('mark').first()).toHaveText(own);

  await expect(column(2)).toContainText(/Decode speed.*\d tokens\/s.*, 3 rounds/s);
  await takePictures(lab, testInfo, 'compare', { part });

  // Another prompt and fewer contenders leave the result as it was.
  await turnTo(page, 'Write');
  await lab.prompt.fill('Another prompt');
  await turnTo(page, 'Compare');
  await expect(part).toContainText('The prompt has changed since.');
  await expect(part.getByRole('blockquote')).toHaveText(prompt);
  await part.getByRole('button', { name: 'Remove configuration 2' }).focus();
  await page.keyboard.press('Enter');
  await expect(column(3)).toHaveCount(0);
  await expect(column(2)).toContainText('KL, mean');
  await expect(part.getByRole('button', { name: 'Undo removing' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(column(3)).toContainText('KL, mean');

  await part.getByRole('button', { name: 'Copy link to this comparison' }).click();
  await expect(part.getByText('Link copied.')).toBeVisible();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  const csv = page.waitForEvent('download');
  await part.getByRole('button', { name: 'Export comparison as CSV' }).click();
  expect((await csv).suggestedFilename()).toMatch(/^kvtab-comparison-0_6_6_6_6_6_6_7-.*\.csv$/);

  await page.reload();
  await expect(column(3)).toContainText('KL, mean');
  await expect(part.getByRole('blockquote')).toHaveText(prompt);

  const linked = await page.context().newPage();
  await linked.goto(link);
  const opened = linked.getByRole('region', { name: 'Compare', exact: true });
  await expect(opened.getByRole('listitem', { name: 'Configuration 3' })).toContainText('0_1_2_3_4_5_6_7');
  // A link loads nothing by itself, so Compare has to.
  await opened.getByRole('button', { name: 'Compare' }).click();
  // On a fast processor this takes less than a second, so what it says meanwhile may be gone.
  await expect(opened.getByRole('listitem', { name: 'Configuration 3' })).toContainText('KL, mean', {
    timeout: 60_000,
  });
  await linked.close();
  // The model of the page is loaded again.
  await turnTo(page, 'Write');
  const runs = page.getByRole('region', { name: 'Runs', exact: true });
  await expect(runs.getByText(/^Compared .*: [123] of 3$/)).toHaveCount(3);
  await expect(lab.prompt).toHaveValue('Another prompt');
  await lab.generate.click();
  await expect(page.getByText(/^Done/)).toBeVisible();
});
