/**
 * Keeps a text that is being written from moving what stands below it. Its box gets the height that the text will
 * probably need when the run is asked for; what is longer scrolls inside, and the newest line stays in sight.
 */

/** The mean width of a letter of the text, spaces included, beside the size of its font. */
const LETTER = 0.45;
/** Short paragraphs, and words that do not fit at the end of a line. */
const SPARE = 1.2;
/** English in the tokens of small models. */
const CHARACTERS_PER_TOKEN = 4;
/** A longer text would push everything else out of sight, so its box scrolls. */
const MOST_OF_SCREEN = 0.65;

interface Expected {
  /** Of the prompt, which stands before the text. */
  readonly promptCharacters: number;
  readonly newTokens: number;
  /** Of a line. */
  readonly widthPx: number;
  readonly fontPx: number;
}

/** How many lines a text will probably take. */
export const linesOf = ({ promptCharacters, newTokens, widthPx, fontPx }: Expected): number =>
  Math.ceil(
    (SPARE * LETTER * fontPx * (promptCharacters + CHARACTERS_PER_TOKEN * newTokens)) / Math.max(1, widthPx),
  );

const following = new WeakMap<HTMLElement, MutationObserver>();

/** Gives the box its height for the next run. */
export function holdPaper(
  paper: HTMLElement,
  expected: Pick<Expected, 'promptCharacters' | 'newTokens'>,
): void {
  const style = getComputedStyle(paper);
  const px = (name: string) => Number.parseFloat(style.getPropertyValue(name));
  const widthPx = paper.clientWidth - px('padding-left') - px('padding-right');
  const lines = linesOf({ ...expected, widthPx, fontPx: px('font-size') });
  const heightPx = px('padding-top') + px('padding-bottom') + lines * px('line-height');
  const heldPx = Math.max(px('min-height'), Math.min(heightPx, MOST_OF_SCREEN * innerHeight));
  paper.style.setProperty('--held', `${Math.round(heldPx)}px`);
  releaseIfResized(paper);
  follow(paper, px('line-height'));
}

/** Lines of another width need another height; everything moves then anyway. */
function releaseIfResized(paper: HTMLElement): void {
  const { clientWidth } = paper;
  const release = () => {
    if (paper.clientWidth === clientWidth) return;
    paper.style.removeProperty('--held');
    removeEventListener('resize', release);
  };
  addEventListener('resize', release);
}

/** Keeps the newest line in sight, until the reader scrolls back. */
function follow(paper: HTMLElement, linePx: number): void {
  following.get(paper)?.disconnect();
  let atEnd = true;
  paper.onscroll = () => {
    atEnd = paper.scrollTop + paper.clientHeight > paper.scrollHeight - linePx;
  };
  const observer = new MutationObserver(() => {
    // Whoever has no mouse scrolls it by keyboard.
    if (paper.scrollHeight > paper.clientHeight) paper.tabIndex = 0;
    else paper.removeAttribute('tabindex');
    if (atEnd) paper.scrollTop = paper.scrollHeight;
  });
  observer.observe(paper, { subtree: true, childList: true, characterData: true });
  following.set(paper, observer);
}
