/** Within this distance of an edge what is dragged pulls the rows along. */
const EDGE_PX = 32;
const STEP_PX = 14;

/** Scrolls a box a little where something is dragged to its edge, so that rows out of sight can be reached. */
export function scrollAtEdge(box: HTMLElement | null, clientY: number): void {
  if (!box) return;
  const { top, bottom } = box.getBoundingClientRect();
  if (clientY < top + EDGE_PX) box.scrollTop -= STEP_PX;
  else if (clientY > bottom - EDGE_PX) box.scrollTop += STEP_PX;
}
