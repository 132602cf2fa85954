import { light, readable, short, type Drawing, type Shape } from './shapes.ts';

const FONT = "system-ui, 'Segoe UI', Roboto, 'Noto Sans', sans-serif";

/** A drawing as an SVG file. Every text in it is text, whatever it contains. */
export function asSvg({ title, widthPx, heightPx, shapes }: Drawing): string {
  const size = `width="${short(widthPx)}" height="${short(heightPx)}" viewBox="0 0 ${short(widthPx)} ${short(heightPx)}"`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="${FONT}" role="img">`,
    `<title>${escaped(readable(title))}</title>`,
    `<rect width="${short(widthPx)}" height="${short(heightPx)}" fill="${light.paper}"/>`,
    ...shapes.map(shapeAsSvg),
    '</svg>\n',
  ].join('\n');
}

function shapeAsSvg(shape: Shape): string {
  if (shape.kind === 'text') {
    const { text, x, y, sizePx, bold, anchor, fill } = shape;
    return `<text x="${short(x)}" y="${short(y)}" font-size="${sizePx}" text-anchor="${anchor}" fill="${fill}"${bold ? ' font-weight="600"' : ''}>${escaped(text)}</text>`;
  }
  const { d, x, y, fill, stroke, strokeWidth, dash, opacity } = shape;
  return (
    [
      `<path d="${d}" fill="${fill ?? 'none'}"`,
      ...(x === 0 && y === 0 ? [] : [`transform="translate(${short(x)} ${short(y)})"`]),
      ...(stroke === null ? [] : [`stroke="${stroke}" stroke-width="${short(strokeWidth)}"`]),
      ...(dash.length === 0 ? [] : [`stroke-dasharray="${dash.join(' ')}"`]),
      ...(opacity === 1 ? [] : [`opacity="${short(opacity)}"`]),
    ].join(' ') + '/>'
  );
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const escaped = (text: string) => text.replace(/[&<>"']/g, (character) => entities[character] ?? '');
