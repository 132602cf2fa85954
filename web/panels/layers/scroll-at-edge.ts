/** Dragging within this distance of an edge scrolls. */
const EDGE_PX = 32;
const STEP_PX = 14;

/** Scrolls a box a little if something is dragged to its edge, so that a drag can reach every row. */
export function scrollAtEdge(box: HTMLElement | null, clientY: number): void {
  if (!box) return;
  const { top, bottom } = box.getBoundingClientRect();
  if (clientY < top + EDGE_PX) box.scrollTop -= STEP_PX;
  else if (clientY > bottom - EDGE_PX) box.scrollTop += STEP_PX;
}
