import type { Present } from './present.ts';
import type { Sketch } from './sketch.ts';

/** What a term means: first why it matters, then a picture, then the formula. */
export interface Meaning {
  /** Why it matters, in one or two sentences. */
  readonly why: string;
  /** What it is exactly, if that needs more words. */
  readonly text?: string;
  /** A small picture, of the present setting if it can be. */
  readonly sketch: (present: Present) => Sketch;
  readonly formula: string;
  /** The formula with the present numbers put in; null while they are not known. */
  readonly now?: (present: Present) => string | null;
  /** Its paper, on arXiv. */
  readonly arxiv?: string;
}
