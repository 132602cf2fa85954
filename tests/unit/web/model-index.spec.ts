import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { defaultConfig } from '../../../web/config/playground-config.ts';
import { parseModelIndex } from '../../../web/model/model-index.ts';

const readJson = (path: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../public/models/${path}`, import.meta.url), 'utf8'));

describe('the list of shipped models', () => {
  const listed = readJson('index.json');
  const entries = parseModelIndex(listed);

  it('is understood whole and holds the default model', () => {
    expect(entries).toEqual(listed);
    expect(entries.map(({ id }) => id)).toContain(defaultConfig.model);
  });

  it.each(entries.map((entry) => [entry.id, entry] as const))(
    'says of %s what its config.json says',
    (id, entry) => {
      expect(readJson(`${id}/config.json`)).toMatchObject({
        layer_types: entry.stored.layerTypes,
        sliding_window: entry.stored.slidingWindow,
        forward_passes: entry.stored.forwardPasses,
        backward_passes: entry.stored.backwardPasses,
        force_nodiag: entry.stored.forceNodiag,
      });
    },
  );

  it('leaves out what is not an entry', () => {
    expect(parseModelIndex([{ id: 'x' }, null, 3])).toEqual([]);
    expect(parseModelIndex({})).toEqual([]);
  });
});
