/** What a picture is made of: paths and texts, so that the same list can be written as SVG and painted on a canvas. */
export type Shape = PathShape | TextShape;

interface Ink {
  /** Null to leave it empty. */
  readonly fill: string | null;
  /** Null for no outline. */
  readonly stroke: string | null;
  readonly strokeWidth: number;
  /** Lengths of dashes and gaps; empty for a solid line. */
  readonly dash: readonly number[];
  readonly opacity: number;
}

export interface PathShape extends Ink {
  readonly kind: 'path';
  /** As in the `d` of an SVG path, from `x`, `y` on. */
  readonly d: string;
  readonly x: number;
  readonly y: number;
}

export interface TextShape {
  readonly kind: 'text';
  readonly text: string;
  /** Where the text is anchored. */
  readonly x: number;
  /** Of the baseline. */
  readonly y: number;
  readonly sizePx: number;
  readonly bold: boolean;
  readonly anchor: 'start' | 'middle' | 'end';
  readonly fill: string;
}

/** A picture in its final size. */
export interface Drawing {
  readonly title: string;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly shapes: readonly Shape[];
}

/** The colors of saved pictures: those of the light page, on white. */
export const light = {
  paper: '#ffffff',
  ink: '#1d1f20',
  soft: '#5a5c5a',
  line: '#dfddd5',
  sunken: '#efede6',
  accent: '#14665a',
  warm: '#b0561b',
} as const;

const plain: Ink = { fill: null, stroke: null, strokeWidth: 1, dash: [], opacity: 1 };

export const pathShape = (d: string, ink: Partial<Ink>, x = 0, y = 0): PathShape => ({
  kind: 'path',
  ...plain,
  ...ink,
  ...{ d, x, y },
});

export const rect = (x: number, y: number, width: number, height: number, ink: Partial<Ink>) =>
  pathShape(rectPath(0, 0, width, height), ink, x, y);

export const rectPath = (x: number, y: number, width: number, height: number) =>
  `M${short(x)} ${short(y)}h${short(width)}v${short(height)}h${short(-width)}z`;

export const line = (x1: number, y1: number, x2: number, y2: number, ink: Partial<Ink>) =>
  pathShape(`M${short(x1)} ${short(y1)}L${short(x2)} ${short(y2)}`, ink);

export const disc = (x: number, y: number, radius: number, ink: Partial<Ink>) =>
  pathShape(
    `M${short(-radius)} 0a${short(radius)} ${short(radius)} 0 1 0 ${short(2 * radius)} 0a${short(radius)} ${short(radius)} 0 1 0 ${short(-2 * radius)} 0z`,
    ink,
    x,
    y,
  );

export const textShape = (
  text: string,
  x: number,
  y: number,
  look: Partial<Pick<TextShape, 'sizePx' | 'bold' | 'anchor' | 'fill'>> = {},
): TextShape => ({
  kind: 'text',
  ...{ sizePx: 13, bold: false, anchor: 'start', fill: light.ink },
  ...look,
  ...{ text: readable(text), x, y },
});

/** A coordinate with at most two decimals. */
export const short = (value: number): string => String(Math.round(value * 100) / 100);

const LONGEST_TEXT = 2000;

/**
 * A text on one line, without characters that XML forbids or that change the direction of what follows. Links, files and
 * servers may bring such texts.
 */
export const readable = (text: string): string =>
  text
    .slice(0, LONGEST_TEXT)
    .replace(/\s+/g, ' ')
    .replace(/[\p{Cc}\u200E\u200F\u202A-\u202E\u2066-\u2069\uFFFE\uFFFF]/gu, '')
    .toWellFormed()
    .trim();
