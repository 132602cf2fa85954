import { reveal } from './reveal.ts';

/** The id of the panel for models from the Hub. */
export const HUB_PANEL = 'hub';

/** Scrolls to the panel for models from the Hub, and puts the focus into its first field. */
export function goToHub(): void {
  const panel = document.getElementById(HUB_PANEL);
  panel?.scrollIntoView();
  void reveal(panel?.querySelector('input'));
}
