import { readdirSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { expect, it } from 'vitest';

const tests = resolve(import.meta.dirname, '../..');

const specs = readdirSync(tests, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.includes('.spec.'))
  .map((entry) =>
    join(entry.parentPath, entry.name)
      .slice(tests.length + 1)
      .split(sep)
      .join('/'),
  );

it('Every test file is in a folder that a suite runs: unit, node, kernels, model, firefox, webkit or e2e', () => {
  expect(specs.length).toBeGreaterThan(10);
  expect(
    specs.filter(
      (spec) =>
        !/^(?:unit|node|kernels|model|firefox\/(?:decoder|page)|webkit|e2e)\/.*\.spec\.ts$/.test(spec),
    ),
  ).toEqual([]);
});
