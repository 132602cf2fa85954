import { parseArgs } from 'node:util';

/**
 * What is read: an option without a default may be left out.
 *
 * @template Options
 * @typedef {{ [Name in keyof Options]: Options[Name] extends { default: string } ? string : string | undefined }} ValuesOf
 */

/**
 * The options of a command, all of them texts. `--help` prints how the command is used, and so does an option that it does
 * not know, with a sentence; both end the process.
 *
 * @template {Readonly<Record<string, { readonly type: 'string', readonly default?: string }>>} Options
 * @param {Options} options
 * @param {string} usage
 * @returns {ValuesOf<Options>}
 */
export const readOptions = (options, usage) => readOptionsAs(options, usage, (values) => values);

/**
 * {@link readOptions}, and what a command makes of them. An option that `read` refuses ends the process too.
 *
 * @template {Readonly<Record<string, { readonly type: 'string', readonly default?: string }>>} Options
 * @template Read
 * @param {Options} options
 * @param {string} usage
 * @param {(values: ValuesOf<Options>) => Read} read throws an Error in words for the person who wrote the options
 * @returns {Read}
 */
export function readOptionsAs(options, usage, read) {
  try {
    const { values } = parseArgs({ options: { ...options, help: { type: 'boolean' } } });
    // `parseArgs` says nothing of options that are still open.
    if (!('help' in values)) return read(/** @type {ValuesOf<Options>} */ (/** @type {unknown} */ (values)));
    process.stdout.write(`${usage}\n`);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}\n`);
    process.exit(2);
  }
}

/**
 * The backend that an option of a command names.
 *
 * @param {string} text
 * @returns {'webgpu' | 'cpu'}
 * @throws {Error} in words for the person who wrote it
 */
export function backendOf(text) {
  if (text === 'webgpu' || text === 'cpu') return text;
  throw new Error(`--backend is webgpu or cpu, not "${text}"`);
}
