import { visible } from '../hostile-fields.ts';

const MOST_NAMED = 3;
const LONGEST_NAME = 100;

/** Names in a sentence: the first few, and how many more there are. */
export function namesOf(names: readonly string[]): string {
  const more = names.length - MOST_NAMED;
  const first = names.slice(0, MOST_NAMED).map(shortened);
  return first.join(', ') + (more > 0 ? ` and ${more} more` : '');
}

function shortened(name: string): string {
  const shown = visible(name.slice(0, LONGEST_NAME));
  return name.length > LONGEST_NAME || shown.length > LONGEST_NAME
    ? `${shown.slice(0, LONGEST_NAME)}…`
    : shown;
}
