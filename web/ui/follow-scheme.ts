/**
 * For canvases, which the style sheet cannot recolor: calls back when the color scheme changes.
 *
 * @returns an attachment
 */
export const followScheme = (changed: () => void) => () => {
  const scheme = matchMedia('(prefers-color-scheme: dark)');
  scheme.addEventListener('change', changed);
  return () => {
    scheme.removeEventListener('change', changed);
  };
};
