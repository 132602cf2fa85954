import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

/**
 * @param {readonly string[]} folders within the project
 * @returns {string[]} the files of tests that take a sample by day (tests/support/samples.ts), as paths within the project
 */
export const sampledTests = (...folders) =>
  folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.spec.ts'))
      .map((file) => `${folder}/${file.replaceAll('\\', '/')}`)
      .filter((file) => /sampleOf\(|inject\('samples'\)/.test(readFileSync(join(root, file), 'utf8'))),
  );
