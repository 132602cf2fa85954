import { readFileSync } from 'node:fs';

/**
 * WGSL without what only readers need: comments, indentation and blank lines. WGSL has no string literals, so a `//`
 * always starts a comment.
 *
 * @param {string} source
 */
export const bareWgsl = (source) =>
  source
    .split('\n')
    .map((line) => line.replace(/\/\/.*/, '').trim())
    .filter((line) => line !== '')
    .join('\n');

/**
 * Ships kernels bare. They are a third of the engine's worker, and comments are a third of them. The development server
 * and the programs for Node keep the files unchanged.
 *
 * @returns {import('vite').Plugin}
 */
export const bareKernels = () => ({
  name: 'kvtab:bare-wgsl',
  apply: 'build',
  enforce: 'pre',
  load(id) {
    if (!id.endsWith('.wgsl?raw')) return null;
    const source = readFileSync(id.slice(0, -'?raw'.length), 'utf8');
    return { code: `export default ${JSON.stringify(bareWgsl(source))};`, moduleType: 'js' };
  },
});
