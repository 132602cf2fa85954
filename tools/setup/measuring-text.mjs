// Serves docs/measuring.md beside the page, as the text that it is, for whoever asks how a comparison was made.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './build-for-node.mjs';

const name = 'measuring.txt';
/** Not every server says which encoding a text has; the mark at its beginning does. */
const text = () => `\uFEFF${readFileSync(join(root, 'docs', 'measuring.md'), 'utf8')}`;

/** @returns {import('vite').Plugin} */
export const measuringText = () => ({
  name: 'kvtab:measuring-text',
  generateBundle() {
    this.emitFile({ type: 'asset', fileName: name, source: text() });
  },
  configureServer({ middlewares }) {
    middlewares.use(`/${name}`, (_, response) => {
      response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8' });
      response.end(text());
    });
  },
});
