import { expect, type Page } from 'playwright/test';
import { turnTo } from './lab.ts';

/** A link to a comparison of plain LLaMA in kvtab and in transformers.js. */
export const peerLink = (changes: Readonly<Record<string, string>>, engine = 'transformers.js') =>
  `./#${new URLSearchParams({
    ...{
      v: '1',
      model: 'fairy-llama',
      layers: '0_1_2_3_4_5_6_7',
      max: '12',
      temperature: '0',
      repetition: '1',
    },
    ...{ '1.model': 'fairy-llama', '2.model': 'fairy-llama', '2.engine': engine, ...changes },
  }).toString()}`;

/** The panel of comparisons, as visitors know it. */
export const compareOf = (page: Page) => {
  const part = page.getByRole('region', { name: 'Compare', exact: true });
  return {
    part,
    column: (number: number) => part.getByRole('listitem', { name: `Configuration ${number}` }),
    /** Compares in one round, and waits for the end. */
    run: async () => {
      await turnTo(page, 'Compare');
      await part.getByRole('combobox', { name: 'Rounds' }).selectOption('1');
      await part.getByRole('button', { name: 'Compare', exact: true }).click();
      await expect(part.getByRole('blockquote')).toBeVisible({ timeout: 90_000 });
    },
  };
};

/** Notes the addresses that a page and its workers ask for. */
export function noteRequests(page: Page): readonly string[] {
  const asked: string[] = [];
  page.context().on('request', (request) => asked.push(request.url()));
  return asked;
}
