import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** Files that decide what a model computes. */
const counts = /\.(?:safetensors|json|jinja)$/;
/** Files beside a model that do not. */
const about = /^(?:evaluation|training|check|golden)\.json$/;

/** The digest of a model's folder: of the names and contents of its files. */
export async function digestOfFolder(folder: string): Promise<string> {
  const hash = createHash('sha256');
  const names = (await readdir(folder)).filter((name) => counts.test(name) && !about.test(name));
  for (const name of names.sort()) {
    const file = createHash('sha256');
    await pipeline(createReadStream(join(folder, name)), file);
    hash.update(`${name}\0${file.digest('hex')}\n`);
  }
  return hash.digest('hex');
}
