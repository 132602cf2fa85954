/** The id of the form for models from the Hub. */
export const HUB_FORM = 'hub';

/** Brings the form for models from the Hub into view, and the focus into its first field. */
export function goToHub(): void {
  const form = document.getElementById(HUB_FORM);
  form?.scrollIntoView();
  form?.querySelector('input')?.focus({ preventScroll: true });
}
