import { inflateSync } from 'node:zlib';

/** How many pages a PDF has. Firefox compresses the objects that say so. */
export function pdfPages(pdf: Buffer): number {
  const raw = pdf.toString('latin1');
  const streams = [...raw.matchAll(/stream\r?\n([\s\S]*?)endstream/g)].map(([, stream = '']) =>
    inflated(stream),
  );
  return [raw, ...streams].reduce(
    (pages, part) => pages + (part.match(/\/Type\s*\/Page\b/g)?.length ?? 0),
    0,
  );
}

function inflated(stream: string): string {
  try {
    return inflateSync(Buffer.from(stream, 'latin1')).toString('latin1');
  } catch {
    return ''; // a picture, or another compression
  }
}
