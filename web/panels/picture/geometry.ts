/** The sizes of the picture, in CSS pixels. */
export interface Geometry {
  /** Height of a layer's row: large enough for touch. */
  readonly rowPx: number;
  /** Width of the brackets around iterated groups. */
  readonly bracketsPx: number;
  readonly discPx: number;
  /** Width of the widest arc. */
  readonly arcsPx: number;
  /** Width of a layer's entry, beside the arcs. */
  readonly entryPx: number;
  /** Width of a row's bytes, at its end. */
  readonly bytesPx: number;
}

/** A picture at least this wide has room for long arcs. */
const WIDE_PX = 840;
const MEDIUM_PX = 560;
/** Plans with more layers have lower rows. */
const FEW_LAYERS = 12;

export const rowPxOf = (layerCount: number) => (layerCount > FEW_LAYERS ? 24 : 28);

/** The sizes of a picture that is so wide: a phone gets slim arcs and only the number that a layer reads. */
export function geometryFor(widthPx: number, layerCount: number): Geometry {
  const rowPx = rowPxOf(layerCount);
  const discPx = rowPx - 2;
  if (widthPx >= WIDE_PX) return { rowPx, discPx, bracketsPx: 38, arcsPx: 250, entryPx: 106, bytesPx: 80 };
  if (widthPx >= MEDIUM_PX) return { rowPx, discPx, bracketsPx: 38, arcsPx: 120, entryPx: 100, bytesPx: 80 };
  return { rowPx, discPx, bracketsPx: 34, arcsPx: 50, entryPx: 32, bytesPx: 70 };
}

/** Where the arcs begin. */
export const arcsX = ({ bracketsPx, discPx }: Geometry) => bracketsPx + discPx + 2;

/** Width of the plan, left of the cells. */
export const planPx = (geometry: Geometry) => arcsX(geometry) + geometry.arcsPx + geometry.entryPx;

/** Middle of a layer's row, from the top; the first layer is at the bottom, as in the papers. */
export const rowY = (layer: number, rows: number, rowPx: number) => (rows - 1 - layer + 0.5) * rowPx;

/** The layer at a height: the inverse of {@link rowY}. */
export const layerAt = (y: number, rows: number, rowPx: number) =>
  Math.min(Math.max(rows - 1 - Math.floor(y / rowPx), 0), rows - 1);
