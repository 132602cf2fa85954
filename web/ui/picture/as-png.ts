import { light, type Drawing, type Shape } from './shapes.ts';

/** Pixels of the file per unit of the drawing. */
const SCALE = 2;

const FONT = "system-ui, 'Segoe UI', Roboto, 'Noto Sans', sans-serif";

/**
 * A drawing as a PNG file at twice its size. It is painted shape by shape: the page's security policy lets it load no
 * image that it made itself, which a picture of the SVG would need.
 */
export async function asPng({ widthPx, heightPx, shapes }: Drawing): Promise<Blob> {
  const canvas = document.createElement('canvas');
  canvas.width = Math.round(SCALE * widthPx);
  canvas.height = Math.round(SCALE * heightPx);
  const context = canvas.getContext('2d');
  if (!context) throw new Error('this browser gives no canvas');
  context.fillStyle = light.paper;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.scale(SCALE, SCALE);
  for (const shape of shapes) paint(context, shape);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => {
      if (blob) resolve(blob);
      else reject(new Error('this browser could not write the picture'));
    }, 'image/png');
  });
}

function paint(context: CanvasRenderingContext2D, shape: Shape): void {
  context.save();
  if (shape.kind === 'text') {
    context.font = `${shape.bold ? '600 ' : ''}${shape.sizePx}px ${FONT}`;
    context.textAlign = shape.anchor === 'middle' ? 'center' : shape.anchor;
    context.direction = 'ltr';
    context.fillStyle = shape.fill;
    context.fillText(shape.text, shape.x, shape.y);
  } else {
    context.translate(shape.x, shape.y);
    context.globalAlpha = shape.opacity;
    const path = new Path2D(shape.d);
    if (shape.fill !== null) {
      context.fillStyle = shape.fill;
      context.fill(path);
    }
    if (shape.stroke !== null) {
      context.strokeStyle = shape.stroke;
      context.lineWidth = shape.strokeWidth;
      context.setLineDash([...shape.dash]);
      context.stroke(path);
    }
  }
  context.restore();
}
