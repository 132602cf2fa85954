// Random inputs of every kind that comes from strangers. Each ends within 5 s, is refused by a code other than
// `internal` or gives finite logits, and leaves nothing behind. KVTAB_FUZZ_SECONDS and KVTAB_SEED: see fuzz.ts.
import { afterAll, beforeAll, it } from 'vitest';
import { tryModel, type Tried } from '../hostile/try-model.ts';
import { TextThreads } from '../hostile/text-threads.ts';
import { files, tokenizerConfigJson } from '../hostile/tiny-model.ts';
import { editedConfigurations, modelOf } from './configurations.ts';
import { editedJson, jsonEdits } from './edit-json.ts';
import { fuzz, timeoutMs, type kinds } from './fuzz.ts';
import { checkLink, links } from './links.ts';
import { checkRequest, editedRequests } from './requests.ts';
import { templates } from './templates.ts';
import { tokenizers } from './tokenizers.ts';
import { checkCheckpoint, checkHeader, spoiledCheckpoints, spoiledHeaders } from './weights.ts';

let threads: TextThreads;
// The first run after a change builds the thread.
beforeAll(async () => {
  threads = await TextThreads.open();
}, 120_000);
afterAll(() => {
  threads.close();
});

const tests: Readonly<Record<(typeof kinds)[number], () => Promise<void>>> = {
  headers: () => fuzz('headers', spoiledHeaders, checkHeader),
  indices: () => fuzz('indices', spoiledCheckpoints, checkCheckpoint),
  configurations: () =>
    fuzz('configurations', editedConfigurations, async (edits) => {
      return endOf(await tryModel(threads, modelOf(edits), { turns: [[1, 2, 3]] }));
    }),
  tokenizers: () =>
    fuzz('tokenizers', jsonEdits(tokenizers.length), async (edits) => {
      const tokenizer = { 'tokenizer.json': editedJson(tokenizers, edits) };
      return endOf(
        await tryModel(threads, { ...files, ...tokenizer }, { text: 'Once upon a time, 12 kings — 王 😀' }),
      );
    }),
  templates: () =>
    fuzz('templates', templates, async (chat_template) => {
      const config = { ...(JSON.parse(tokenizerConfigJson) as object), chat_template };
      const chat = [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'hi\n{{ x }}' },
      ] as const;
      return endOf(
        await tryModel(threads, { ...smallText, 'tokenizer_config.json': JSON.stringify(config) }, { chat }),
      );
    }),
  links: () => fuzz('links', links, checkLink),
  requests: () => fuzz('requests', editedRequests, checkRequest),
};

const endOf = (tried: Tried) => (tried.ok ? 'ran' : tried.failure.code);

const smallText = { ...files, 'tokenizer.json': JSON.stringify(tokenizers[0]) };

it.each(Object.entries(tests))(
  'Random %s end in time, are refused by name or run, and leave nothing behind',
  (_, test) => test(),
  timeoutMs,
);
