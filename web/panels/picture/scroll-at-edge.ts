/** Dragging within this distance of an edge scrolls. The edge of the screen is where fingers also drop things. */
const EDGE_PX = 32;
const SCREEN_EDGE_PX = 12;
const STEP_PX = 14;

/** Scrolls what an element stands in if something is dragged to its edge, so that a drag can reach every row. */
export function scrollAtEdge(element: HTMLElement, clientY: number): void {
  const box = scrollerAround(element);
  const { top, bottom } = box?.getBoundingClientRect() ?? { top: 0, bottom: innerHeight };
  const edgePx = box ? EDGE_PX : SCREEN_EDGE_PX;
  const scroller = box ?? document.documentElement;
  if (clientY < top + edgePx) scroller.scrollTop -= STEP_PX;
  else if (clientY > bottom - edgePx) scroller.scrollTop += STEP_PX;
}

/** What scrolls by itself: the settings of a wide page do. Null if an element scrolls with the page. */
function scrollerAround(element: HTMLElement): Element | null {
  for (let around = element.parentElement; around; around = around.parentElement) {
    const scrolls = ['auto', 'scroll'].includes(getComputedStyle(around).overflowY);
    if (scrolls && around.scrollHeight > around.clientHeight) return around;
  }
  return null;
}
