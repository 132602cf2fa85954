import type { Page } from 'playwright/test';

interface Place {
  readonly x: number;
  readonly y: number;
}
/** Long enough for the browser to see that the finger rests. */
const REST_MS = 200;

/**
 * Moves one finger from place to place. It rests before it is lifted: the browser takes a finger that leaves in motion
 * for a fling, and swallows the next tap, because a tap stops a fling.
 */
export async function dragByFinger(
  page: Page,
  [start, ...places]: readonly [Place, ...Place[]],
): Promise<void> {
  const touch = await page.context().newCDPSession(page);
  await touch.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [start] });
  for (const place of places) {
    await touch.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: [place] });
  }
  await page.waitForTimeout(REST_MS);
  await touch.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
  await touch.detach();
}
