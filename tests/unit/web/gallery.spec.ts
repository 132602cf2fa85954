import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parseLayerTypes } from '../../../gpu/plan/layer-types.ts';
import { cards } from '../../../web/panels/write/gallery.ts';
import { parseModelIndex } from '../../../web/models/model-index.ts';
import { checkConfig } from '../../../web/settings/checks.ts';
import { decodeHash } from '../../../web/settings/hash.ts';
import { defaultConfig } from '../../../web/settings/settings.ts';

const models = parseModelIndex(JSON.parse(readFileSync('public/models/index.json', 'utf8')));

it('The gallery has eight cards, and every one opens something that runs', () => {
  expect(new Set(cards.map(({ hash }) => hash)).size).toBe(8);
  for (const { title, hash } of cards) {
    const { values, complaints } = decodeHash(hash);
    expect(complaints, title).toEqual([]);
    const stored = models.find(({ id }) => id === values.model)?.stored;
    const config = { ...defaultConfig, ...stored, ...values };
    expect(checkConfig(config, parseLayerTypes(config.layerTypes, 8)), title).toEqual({});
    // Whoever hosts models of their own opens a link that names its model.
    expect(values.model, title).toBeDefined();
  }
});
