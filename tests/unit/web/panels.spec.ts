import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { panels, panelsAt } from '../../../web/panels/panels.ts';

const folder = new URL('../../../web/panels/', import.meta.url);

describe('panels', () => {
  it('have unique ids', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  });

  it('each have a hint of one sentence', () => {
    for (const { hint } of panels) expect(hint).toMatch(/^[A-Z][^.]+\.$/);
  });

  it('have this order, and some of them are closed at first', () => {
    const ids = (place: Parameters<typeof panelsAt>[0]) => panelsAt(place).map(({ id }) => id);
    expect(ids('write')).toEqual(['prompt', 'output', 'picture', 'figures', 'share']);
    expect(ids('compare')).toEqual(['compare', 'family']);
    expect(ids('throughput')).toEqual(['throughput']);
    expect(ids('laboratory')).toEqual(['laboratory']);
    expect(ids('settings')).toEqual(['model', 'sharing', 'cache', 'sampling', 'precision', 'hub', 'export']);
    expect(ids('workbench')).toEqual(['scale', 'heal', 'charts', 'tokens', 'attention', 'convergence']);
    expect(ids('end')).toEqual(['runs']);
    const closed = panels.filter(({ opens }) => opens !== 'at first').map(({ id }) => id);
    expect(closed).toEqual(['scale', 'heal', 'charts', 'tokens', 'attention', 'convergence']);
  });

  it('keep the code of everything out of the first view that is not in it', () => {
    const below = ['share', 'cache', 'hub', 'export'];
    for (const { id, place, loading } of panels) {
      const first = (place === 'write' || place === 'settings') && !below.includes(id);
      expect(loading, id).toBe(first ? 'eager' : 'lazy');
    }
  });

  it('include a row for every folder', () => {
    const registry = readFileSync(new URL('panels.ts', folder), 'utf8');
    const folders = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(folders.length).toBeGreaterThan(0);
    for (const { name } of folders) expect(registry).toContain(`'./${name}/`);
  });

  it('load a component for every lazy row', async () => {
    for (const panel of panels) {
      if (panel.loading === 'lazy') expect(typeof (await panel.load()).default, panel.id).toBe('function');
    }
  });
});
