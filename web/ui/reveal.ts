import { tick } from 'svelte';

/** Unfolds what is folded, as the browser's search does; it is open after a tick. */
export function unfold(folded: Element | null): void {
  folded?.dispatchEvent(new Event('beforematch', { bubbles: true }));
}

/** Unfolds what hides an element, as the browser's search does, and then moves the focus to it. */
export async function reveal(element: HTMLElement | null | undefined): Promise<void> {
  if (!element) return;
  unfold(element.closest('[hidden]'));
  await tick();
  element.focus();
}
