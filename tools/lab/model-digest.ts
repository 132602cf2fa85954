import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { valueOf } from '../../worker/outcome.ts';
import { hubModelOf } from '../headless/hub-model.ts';
import { findModelFolder } from '../headless/model-folder.ts';

/** Files that decide what a model computes: those that the loader reads. What was measured or trained is beside them. */
const counts =
  /\.(?:safetensors|jinja)$|^(?:(?:generation_)?config|tokenizer(?:_config)?|chat_template|model\.safetensors\.index)\.json$/;

/** The digest of a model's folder: of the names and contents of its files. */
async function digestOfFolder(folder: string): Promise<string> {
  const hash = createHash('sha256');
  const names = (await readdir(folder)).filter((name) => counts.test(name));
  for (const name of names.sort()) {
    const file = createHash('sha256');
    await pipeline(createReadStream(join(folder, name)), file);
    hash.update(`${name}\0${file.digest('hex')}\n`);
  }
  return hash.digest('hex');
}

/** Digests of models by their names, each computed once. */
export class ModelDigests {
  readonly #shipped: string;
  readonly #start: string;
  readonly #digests = new Map<string, Promise<string>>();

  /**
   * @param root  the repository's folder
   * @param start the folder that models are named from
   */
  constructor(root: string, start: string) {
    this.#shipped = join(root, 'public', 'models');
    this.#start = start;
  }

  /**
   * A model of the Hub is known by its name and revision alone: its files are checked as they are read.
   *
   * @throws Refused if there is no such model
   */
  of(model: string): Promise<string> {
    const digest = this.#digests.get(model) ?? this.#compute(model);
    this.#digests.set(model, digest);
    return digest;
  }

  async #compute(model: string): Promise<string> {
    if (hubModelOf(model)) return model;
    return digestOfFolder(valueOf(findModelFolder(model, this.#shipped, this.#start)));
  }
}
