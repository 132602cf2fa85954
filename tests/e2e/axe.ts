import axe from 'axe-core';
import type { Locator, Page } from 'playwright/test';

const standards = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** Brings axe into every page that opens from now on. */
export const bringAxe = (page: Page) => page.addInitScript({ content: axe.source });

/** Everything that axe finds on the page or in a part of it, one line each. */
export async function axeFindings(place: Page | Locator): Promise<readonly string[]> {
  const part = 'goto' in place ? place.locator('html') : place;
  const results = await part.evaluate(
    (element, tags) =>
      (globalThis as unknown as { axe: typeof axe }).axe.run(element, {
        runOnly: { type: 'tag', values: tags },
      }),
    standards,
  );
  return results.violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, any }) => `${id}: ${html.slice(0, 160)} ${any[0]?.message ?? ''}`),
  );
}
