/** Ascending layers in words, neighbors as stretches: `1–6, 8`. */
export function layerStretches(layers: readonly number[]): string {
  const stretches: [number, number][] = [];
  for (const layer of layers) {
    const last = stretches.at(-1);
    if (last?.[1] === layer - 1) last[1] = layer;
    else stretches.push([layer, layer]);
  }
  return stretches.map(([a, b]) => (a === b ? String(a) : `${a}–${b}`)).join(', ');
}
