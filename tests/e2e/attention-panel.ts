import { expect, type Locator, type Page } from 'playwright/test';

/** Opens the panel “Attention”. */
export async function openAttention(page: Page): Promise<Locator> {
  const part = page.getByRole('region', { name: 'Attention', exact: true });
  await part.locator('summary').first().click();
  return part;
}

/** The percentages of a column of the open table, by position. */
export async function columnOf(part: Locator, column: string): Promise<readonly string[]> {
  await expect(part.locator('tbody tr').first()).toBeVisible();
  const headers = await part.getByRole('columnheader').allTextContents();
  const at = headers.indexOf(column);
  expect(at, `${column} among ${headers.join(', ')}`).toBeGreaterThan(1);
  return part
    .locator('tbody tr')
    .evaluateAll((rows, cell) => rows.map((row) => row.children[cell]?.textContent ?? ''), at);
}
