import { MediaQuery } from 'svelte/reactivity';

/** Whether the screen is so narrow that settings are folded; a wide page that is magnified twice counts too. */
export const folding = new MediaQuery('width < 48rem');
