import { cellAfterKey } from '../../ui/grid-keys.ts';
import type { PointedCell } from './readings.ts';

/** Where a key leads from a cell; null if it leads nowhere. The up arrow goes to later layers, which are drawn above. */
export function cellSteps(
  key: string,
  from: PointedCell | null,
  size: { readonly layers: number; readonly tokens: number; readonly tokensEach: number },
): PointedCell | null {
  // Before anything is pointed at, Right starts at the first token and Left at the last.
  const start = key === 'ArrowLeft' || key === 'End' ? size.tokens : -size.tokensEach;
  const { layer, position } = from ?? { layer: 0, position: start };
  const row = size.layers - 1 - layer;
  const to = cellAfterKey(
    key,
    { row, column: position },
    { row: size.layers, column: size.tokens },
    size.tokensEach,
  );
  return to && { layer: size.layers - 1 - to.row, position: to.column };
}
