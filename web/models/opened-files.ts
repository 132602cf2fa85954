import type { Outcome } from '../../worker/protocol/failure.ts';
import type { OpenedFiles } from '../../worker/protocol/load.ts';

/** A file that a person picked or dropped. */
export interface PickedFile {
  /** Relative to what was picked: `folder/config.json`, or `config.json` alone. */
  readonly path: string;
  readonly file: File;
}

const PREFIX = 'folder:';

/** The folder's name in the id of a model that was opened from one. */
export const folderName = (id: string) => id.slice(PREFIX.length);

/**
 * Finds the one model among files: the folder with config.json, and its files.
 *
 * @param takenIds ids of models that were opened before; a repeated name gets a number
 * @returns `not-one-model` if no folder holds a model, or if several do
 */
export function modelIn(picked: readonly PickedFile[], takenIds: readonly string[]): Outcome<OpenedFiles> {
  const folders = new Map<string, Map<string, Blob>>();
  for (const { path, file } of picked) {
    const cut = path.lastIndexOf('/');
    const folder = path.slice(0, Math.max(0, cut));
    const files = folders.get(folder) ?? new Map<string, Blob>();
    folders.set(folder, files.set(path.slice(cut + 1), file));
  }
  const described = [...folders].filter(([, files]) => files.has('config.json'));
  // Repositories may have folders for other formats, with a config.json but without weights that we read.
  const whole = described.filter(([, files]) => hasWeights(files));
  const [found, other] = whole.length > 0 ? whole : described;
  if (!found || other) {
    const names = found ? namesOf(whole, described) : [];
    const files = found ? [] : picked.map(({ path }) => path.slice(path.lastIndexOf('/') + 1));
    return { ok: false, failure: { code: 'not-one-model', folders: names, files } };
  }
  const [folder, files] = found;
  return { ok: true, value: { from: 'files', id: freeId(folder, takenIds), files } };
}

const hasWeights = (files: ReadonlyMap<string, Blob>) =>
  files.has('model.safetensors') || files.has('model.safetensors.index.json');

type Folder = readonly [string, ReadonlyMap<string, Blob>];

const namesOf = (whole: readonly Folder[], described: readonly Folder[]) =>
  (whole.length > 0 ? whole : described).map(([folder]) => (folder === '' ? 'the files themselves' : folder));

function freeId(folder: string, taken: readonly string[]): string {
  const name = folder
    .slice(folder.lastIndexOf('/') + 1)
    .slice(0, 80)
    .replaceAll(/[^\p{L}\p{N}._-]+/gu, '-');
  const id = `${PREFIX}${name || 'files'}`;
  let count = 1;
  while (taken.includes(count === 1 ? id : `${id}-${count}`)) count++;
  return count === 1 ? id : `${id}-${count}`;
}
