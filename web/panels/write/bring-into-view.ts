/** A text is in sight if so much of it is. */
const ENOUGH_PX = 160;
/** Above the row of Generate and Stop. */
const GAP_PX = 8;

/** Scrolls the page to a text, unless its start is in sight already. Stop stays in sight beside it if there is room. */
export function bringIntoView(text: HTMLElement): void {
  const { top } = text.getBoundingClientRect();
  if (top >= 0 && top + ENOUGH_PX <= innerHeight) return;
  const toStartPx = top - Number.parseFloat(getComputedStyle(text).scrollMarginTop);
  // On wide screens the picture stands between the buttons and the text.
  const controls = document.querySelector('.prompt .actions');
  const toControlsPx = (controls?.getBoundingClientRect().top ?? Infinity) - GAP_PX;
  const byPx = Math.min(toStartPx, toControlsPx);
  const isShown = top - byPx + ENOUGH_PX <= innerHeight;
  const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  scrollBy({ top: isShown ? byPx : toStartPx, behavior: calm ? 'auto' : 'smooth' });
}
