import { getContext, setContext, type Component } from 'svelte';

const key = Symbol('explained');

/** Gives the fields below the button that explains a term. This folder knows no explanations itself. */
export const provideExplained = (button: Component<{ of: string }>): void => {
  setContext(key, button);
};

/** The button that explains a term; undefined where nothing is explained. */
export const getExplained = (): Component<{ of: string }> | undefined => getContext(key);
