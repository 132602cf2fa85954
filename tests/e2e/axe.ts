import axe from 'axe-core';
import type { Locator, Page } from 'playwright/test';

const standards = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** Brings axe into every page that opens from now on. */
export const bringAxe = (page: Page) => page.addInitScript({ content: axe.source });

/** The rules that a colour scheme can break. */
const colourRules = ['color-contrast', 'link-in-text-block'];

/**
 * Everything that axe finds on the page or in a part of it, one line each.
 *
 * @param coloursOnly whether the same page was looked at in other colours before
 */
export async function axeFindings(
  place: Page | Locator,
  { coloursOnly = false } = {},
): Promise<readonly string[]> {
  const part = 'goto' in place ? place.locator('html') : place;
  const runOnly: axe.RunOnly = coloursOnly
    ? { type: 'rule', values: colourRules }
    : { type: 'tag', values: standards };
  // The lines are made in the page: what axe found in order takes longer to send than to find.
  return part.evaluate(async (element, wanted) => {
    const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run(element, {
      runOnly: wanted,
      resultTypes: ['violations'],
    });
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, any }) => `${id}: ${html.slice(0, 160)} ${any[0]?.message ?? ''}`),
    );
  }, runOnly);
}
