import { tick } from 'svelte';

/** Unfolds what hides an element, as the browser's search does, and then moves the focus to it. */
export async function reveal(element: HTMLElement | null | undefined): Promise<void> {
  if (!element) return;
  element.closest('[hidden]')?.dispatchEvent(new Event('beforematch', { bubbles: true }));
  await tick();
  element.focus();
}
