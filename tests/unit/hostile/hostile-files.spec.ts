import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HostileCase } from './hostile-case.ts';
import { hostileConfigs } from './hostile-configs.ts';
import { hostileTemplates } from './hostile-templates.ts';
import { hostileTokenizers } from './hostile-tokenizers.ts';
import { hostileWeights } from './hostile-weights.ts';
import { TextThreads } from './text-threads.ts';
import { files } from './tiny-model.ts';
import { tryModel } from './try-model.ts';

let threads: TextThreads;
// The first run after a change builds the thread.
beforeAll(async () => {
  threads = await TextThreads.open();
}, 120_000);
afterAll(() => {
  threads.close();
});

const kinds: readonly (readonly [kind: string, cases: readonly HostileCase[]])[] = [
  ['a configuration', hostileConfigs],
  ['weights', hostileWeights],
  ['a tokenizer', hostileTokenizers],
  ['a template', hostileTemplates],
];

it('The model that the hostile ones are made of loads and runs', async () => {
  expect(await tryModel(threads, files, { text: 'Once upon a time' })).toEqual({ ok: true, notices: [] });
});

describe.each(kinds)('A model with %s is refused in words within 5 seconds, or loads: ', (_, cases) => {
  it.each(cases.map((each) => [each.name, each] as const))('%s', async (_, { files, chat, expected }) => {
    const tried = await tryModel(threads, files(), chat ? { chat } : { text: 'Once upon a time there was' });
    if (expected === 'loads') expect(tried).toMatchObject({ ok: true });
    else expect(tried.ok ? 'it loads' : tried.said).toMatch(expected);
  });
});
