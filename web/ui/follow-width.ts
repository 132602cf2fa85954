/**
 * Tells the width of an element, padding included, in CSS pixels: at once, and in the next frame after each change. In the
 * same frame, what is drawn for the new width changes heights while sizes are observed, which browsers report as an error
 * of the page. `bind:clientWidth` does that.
 *
 * @returns what to attach to the element
 */
export const followWidth = (tell: (widthPx: number) => void) => (element: HTMLElement) => {
  let toldPx = element.clientWidth;
  tell(toldPx);
  let frame = 0;
  const observer = new ResizeObserver(() => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => {
      if (element.clientWidth === toldPx) return;
      toldPx = element.clientWidth;
      tell(toldPx);
    });
  });
  observer.observe(element);
  return () => {
    observer.disconnect();
    cancelAnimationFrame(frame);
  };
};
