import { describe, expect, it } from 'vitest';
import { droppedFiles } from '../../../web/shell/drop/dropped-files.ts';

type Tree = string | Error | { readonly [name: string]: Tree };

/** What a browser gives for a folder, a file with this text, or one whose reading fails. */
function entryOf(name: string, tree: Tree, path = `/${name}`): object {
  if (typeof tree === 'string') {
    const file = (resolve: (file: File) => void) => {
      resolve(new File([tree], name));
    };
    return { isFile: true, isDirectory: false, name, fullPath: path, file };
  }
  if (tree instanceof Error) {
    const refused = (_: unknown, reject: (error: Error) => void) => {
      reject(tree);
    };
    const isDirectory = name.endsWith('/');
    const reading = isDirectory ? { createReader: () => ({ readEntries: refused }) } : { file: refused };
    return { isFile: !isDirectory, isDirectory, name, fullPath: path, ...reading };
  }
  const inside = Object.entries(tree).map(([each, of]) => entryOf(each, of, `${path}/${each}`));
  const createReader = () => {
    let at = 0;
    return {
      readEntries: (resolve: (entries: readonly object[]) => void) => {
        resolve(inside.slice(at, (at += 100)));
      },
    };
  };
  return { isFile: false, isDirectory: true, name, fullPath: path, createReader };
}

/** The paths of a drop of one thing. */
async function pathsOf(name: string, tree: Tree): Promise<readonly string[]> {
  const items = [{ webkitGetAsEntry: () => entryOf(name, tree) }];
  const picked = await droppedFiles({ items } as unknown as DataTransfer);
  return picked.map(({ path }) => path);
}

const gone = new DOMException('the file was not found', 'NotFoundError');

describe('A dropped folder', () => {
  it('gives all its files, level by level, whatever their names', async () => {
    const tree = { 'a\u202E\n': { 'x y.txt': '' }, 'config.json': {}, '.git': { HEAD: '1' }, é: '' };
    expect(await pathsOf('m', tree)).toEqual(['m/é', 'm/a\u202E\n/x y.txt', 'm/.git/HEAD']);
  });

  it('may hold 10,000 files beside those of a model', async () => {
    const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`${i}.txt`, '']));
    const paths = await pathsOf('m', { ...many, 'config.json': '{}' });
    expect(paths).toHaveLength(10_001);
    expect(paths).toContain('m/config.json');
  });

  it('gives the others if one that no model needs cannot be read', async () => {
    const tree = { '.lock': gone, 'locked/': gone, 'config.json': '{}' };
    expect(await pathsOf('m', tree)).toEqual(['m/config.json']);
  });

  it('is refused with the name of a file of the model that cannot be read', async () => {
    const tree = { 'config.json': '{}', 'model.safetensors': gone };
    await expect(pathsOf('m', tree)).rejects.toThrow('model.safetensors: the file was not found');
  });
});
