/** How the series of a chart are told apart: by color, by dashes and by the shape of their points. */
export interface SeriesLook {
  /** On white paper. On the page, a class of the same number has a color for light and dark. */
  readonly color: string;
  readonly dash: readonly number[];
  readonly marker: Marker;
}

export type Marker = 'disc' | 'square' | 'diamond' | 'triangle';

const colors = ['#14665a', '#b0561b', '#4b4aa8', '#9a1f5c', '#1d1f20', '#6b6400', '#1c6ca8', '#7a4a2a'];
const dashes = [[], [6, 4], [2, 3], [9, 3, 2, 3]];
const markers: readonly Marker[] = ['disc', 'square', 'diamond', 'triangle'];

export const seriesColors: readonly string[] = colors;

/** The look of the series with this number. It repeats after eight. */
export const lookOf = (series: number): SeriesLook => ({
  color: colors[series % colors.length] ?? '#1d1f20',
  dash: dashes[Math.floor(series / 2) % dashes.length] ?? [],
  marker: markers[series % markers.length] ?? 'disc',
});

/** A marker of this radius around 0, 0, as the `d` of a path. */
export function markerPath(marker: Marker, radius: number): string {
  const r = Math.round(radius * 100) / 100;
  switch (marker) {
    case 'disc':
      return `M${-r} 0a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`;
    case 'square':
      return `M${-r} ${-r}h${2 * r}v${2 * r}h${-2 * r}z`;
    case 'diamond':
      return `M0 ${-1.3 * r}L${1.3 * r} 0L0 ${1.3 * r}L${-1.3 * r} 0z`;
    case 'triangle':
      return `M0 ${-1.2 * r}L${1.2 * r} ${r}L${-1.2 * r} ${r}z`;
    default:
      return marker satisfies never;
  }
}
