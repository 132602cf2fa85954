import { describe, expect, it } from 'vitest';
import { modelIn } from '../../../web/models/opened-files.ts';
import { isFolderId } from '../../../worker/settings/model-name.ts';

const picked = (...paths: string[]) =>
  paths.map((path) => ({ path, file: new File(['x'], path.split('/').at(-1) ?? '') }));
const weights = 'model.safetensors';

describe('modelIn', () => {
  it('takes the folder with config.json, its name, and only its files', () => {
    const outcome = modelIn(
      picked('outer/notes.txt', 'outer/tiny/config.json', `outer/tiny/${weights}`, 'outer/tiny/x/config.txt'),
      [],
    );
    expect(outcome).toMatchObject({ ok: true, value: { from: 'files', id: 'folder:tiny' } });
    expect(outcome.ok && [...outcome.value.files.keys()]).toEqual(['config.json', weights]);
  });

  it('names files without a folder, and numbers repeated names', () => {
    expect(modelIn(picked('config.json'), [])).toMatchObject({ value: { id: 'folder:files' } });
    const taken = ['folder:tiny', 'folder:tiny-2'];
    expect(modelIn(picked('tiny/config.json'), taken)).toMatchObject({ value: { id: 'folder:tiny-3' } });
  });

  it.each(['Größe 3 (copy)', '../..', '模型', 'a'.repeat(300), '<img src=x>', '%00'])(
    'gives a folder called %j a name that a link can hold',
    (name) => {
      const outcome = modelIn(picked(`${name}/config.json`), []);
      expect(outcome.ok && isFolderId(outcome.value.id)).toBe(true);
    },
  );

  it('prefers the folder with weights if others have a config.json too', () => {
    const outcome = modelIn(picked('m/config.json', `m/${weights}`, 'm/onnx/config.json'), []);
    expect(outcome).toMatchObject({ value: { id: 'folder:m' } });
  });

  it('lists the models if there are several, and says if there is none', () => {
    expect(modelIn(picked('a/config.json', `a/${weights}`, 'b/config.json', `b/${weights}`), [])).toEqual({
      ok: false,
      failure: { code: 'not-one-model', folders: ['a', 'b'], files: [] },
    });
    expect(modelIn(picked('a/readme.md'), [])).toEqual({
      ok: false,
      failure: { code: 'not-one-model', folders: [], files: ['readme.md'] },
    });
  });
});
