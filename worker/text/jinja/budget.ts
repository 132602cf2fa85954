import { TemplateError } from './lexer.ts';

// What a template may cost. Real ones have up to 20 000 characters and take a few thousand steps.
const MOST_STEPS = 1_000_000;
const DEEPEST = 200;
const LONGEST_VALUE = 4_000_000;
const MOST_ITEMS = 100_000;
/** Of making a text, and of making a list. */
const STEPS_A_CHARACTER = 1 / 64;
const STEPS_AN_ITEM = 1 / 4;

/** Counts what a template costs, and ends one that costs too much. */
export class Budget {
  #steps = 0;
  #depth = 0;

  readonly spend = (steps: number): void => {
    this.#steps += steps;
    if (this.#steps > MOST_STEPS) throw new TemplateError(`it takes more than ${MOST_STEPS} steps`);
  };

  /** To be called before a text of this length is made. */
  readonly text = (length: number): void => {
    if (length > LONGEST_VALUE) throw new TemplateError(`it writes more than ${LONGEST_VALUE} characters`);
    this.spend(length * STEPS_A_CHARACTER);
  };

  /** To be called before a list of this length is made. */
  readonly items = (length: number): void => {
    if (length > MOST_ITEMS) throw new TemplateError(`it makes a list of more than ${MOST_ITEMS} items`);
    this.spend(length * STEPS_AN_ITEM);
  };

  deeper<T>(work: () => T): T {
    if (++this.#depth > DEEPEST) throw new TemplateError(`it is nested more than ${DEEPEST} deep`);
    this.spend(1);
    try {
      return work();
    } finally {
      this.#depth--;
    }
  }
}
