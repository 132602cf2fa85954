/** A text is in sight if so much of it is. */
const ENOUGH_PX = 160;

/** Scrolls the page to a text, unless its start is in sight already. */
export function bringIntoView(text: HTMLElement): void {
  const { top } = text.getBoundingClientRect();
  if (top >= 0 && top + ENOUGH_PX <= innerHeight) return;
  const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  text.scrollIntoView({ block: 'start', behavior: calm ? 'auto' : 'smooth' });
}
