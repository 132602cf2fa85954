/**
 * Runs in a page: makes its rules for print apply on the screen, because neither Firefox nor WebKit shows a page as printed
 * on request. Returns how many blocks of rules there are.
 */
export function lookAsPrinted(): number {
  const apply = (rules: CSSRuleList): number =>
    [...rules].reduce((count, rule) => {
      const inside = 'cssRules' in rule ? apply(rule.cssRules as CSSRuleList) : 0;
      if (!(rule instanceof CSSMediaRule) || !/\bprint\b/.test(rule.media.mediaText)) return count + inside;
      rule.media.mediaText = 'all';
      return count + inside + 1;
    }, 0);
  return [...document.styleSheets].reduce((count, { cssRules }) => count + apply(cssRules), 0);
}

/** What a person sees of a page. */
export interface Seen {
  readonly text: string;
  /** The names of buttons and fields. */
  readonly controls: readonly string[];
  /** Where the logo ends and the picture of the plan begins. */
  readonly logoBottom: number;
  readonly pictureTop: number;
  readonly pictureHeight: number;
  /** What sticks out of the paper to the right. */
  readonly overflowPx: number;
}

/** Runs in a page. */
export function whatIsSeen(): Seen {
  const isSeen = (element: Element) => {
    const { width, height } = element.getBoundingClientRect();
    return width > 1 && height > 1 && getComputedStyle(element).visibility === 'visible';
  };
  const placeOf = (selector: string) => document.querySelector(selector)?.getBoundingClientRect();
  const picture = placeOf('.picture');
  return {
    text: document.body.innerText,
    controls: [...document.querySelectorAll('button, input, select, textarea')]
      .filter(isSeen)
      .map((control) => control.getAttribute('aria-label') ?? control.textContent),
    logoBottom: placeOf('h1')?.bottom ?? NaN,
    pictureTop: picture?.top ?? NaN,
    pictureHeight: picture?.height ?? NaN,
    overflowPx: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  };
}
