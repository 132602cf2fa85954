import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { arxivOf, paperAsBibtex } from '../../../web/presets/papers.ts';
import { presetLayerTypes, presets } from '../../../web/presets/presets.ts';
import { cite, linkOfRun } from '../../../web/playground/cite.ts';
import { build } from '../../../web/playground/citation-file.ts';
import { storedRunOf, type StoredRun } from '../../../web/playground/stored-run.ts';
import { speedsOf } from '../../../web/playground/speeds.ts';
import { finishedRun, newRun } from '../../../web/playground/run.ts';
import { decodeHash } from '../../../web/settings/hash.ts';
import { toGenerateRequest } from '../../../web/settings/requests.ts';
import { defaultConfig } from '../../../web/settings/settings.ts';
import { policyRequestOf } from '../../../worker/settings/policy-request.ts';
import { belongsToRun } from '../../../worker/settings/setting.ts';
import { keysWhere } from '../../../worker/settings/values.ts';
import type { ModelFacts } from '../../../worker/protocol/load.ts';
import type { GenerateRequest } from '../../../worker/protocol/generate.ts';

const model = {
  id: 'fairy-lckv',
  adapter: { backend: 'webgpu', vendor: 'google', description: 'swiftshader', software: true },
  dims: { contextTokens: 512 },
} as unknown as ModelFacts; // a citation reads no other field

interface Asked {
  readonly changes?: object;
  readonly request?: Partial<GenerateRequest>;
  readonly commit?: string;
}

function runOf({ changes = {}, request = {}, commit }: Asked): StoredRun {
  const settings = { ...defaultConfig, layerTypes: '0_2_2_3', ...changes };
  const asked = toGenerateRequest(settings);
  if (!asked) throw new Error('the defaults can run');
  const setup = { prompt: settings.prompt, link: '', settings, commit: commit ?? null };
  const run = finishedRun(newRun(1, model, setup, { ...asked, ...request }), {
    mode: 'parallel',
    end: 'length',
    promptTokens: 11,
    notices: [],
    reuse: { heldTokens: 0, reusedTokens: 0 },
    tokens: [1, 2, 3],
    text: ' a b c',
    logits: [],
    nats: null,
    kv: { bytes: 10_752, allocatedBytes: 16_384, bytesPerToken: 768, layers: [] },
    timing: { prefillMs: 100, decodeMs: 100, prefillTokensPerSec: 110, decodeTokensPerSec: 20 },
  });
  const stored = storedRunOf(run, ' a b c', Date.UTC(2026, 10, 26));
  if (!stored) throw new Error('the run has figures');
  return stored;
}

describe('a citation', () => {
  it('names a cache policy with the numbers that it was left to, and its link asks for the same', () => {
    const run = runOf({ changes: { policy: 'h2o', policyRows: 7 } });
    expect(run).toMatchObject({ policyCachePercent: 20, policyRecentPercent: 50, policyRows: null });
    expect(cite(run, 'https://host.example/', [run])).toContain(
      '\nCache: cache policy h2o, budget (% of prompt) 20, recent (% of budget) 50, positions absolute\n',
    );
    const { values } = decodeHash(linkOfRun(run, 'without build'));
    expect(policyRequestOf({ ...defaultConfig, ...values })).toEqual({
      id: 'h2o',
      cachePercent: 20,
      recentPercent: 50,
      positions: 'absolute',
    });
  });

  it('has model, build, plan, precision, adapter, figures, prompt and link, then kvtab and the paper', () => {
    const run = runOf({
      changes: { weights: 'q4', quantizeEmbeddings: true, prompt: 'Once\n<b>upon</b> {a} time' },
    });
    const version = /^version: (.+)$/m.exec(readFileSync('CITATION.cff', 'utf8'))?.[1] ?? '';
    expect(version).not.toBe('');
    expect(cite(run, 'https://host.example/', [run]).split('\n')).toEqual([
      'kvtab 0123456789ab, model fairy-lckv',
      'Plan: 0_2_2_3, sliding window 4096, mode parallel, forward passes 7, backward passes 2',
      'Precision: backend webgpu, weights q4, embeddings and head too, workgroup automatic, KV precision f16',
      'Sampling: max new tokens 128, continuations 1, temperature 0.8, top-k 0, top-p 0.95, min-p 0, repetition penalty 1.1, seed 1',
      'Adapter: WebGPU (software adapter), google, swiftshader',
      'Tokens: 11 of prompt, 3 new',
      'KV cache: 10.5 KiB in use, 768 B per token',
      'Prefill: 110 tokens/s; decode: 20 tokens/s',
      'Prompt: Once',
      '  <b>upon</b> {a} time',
      `https://host.example/#${linkOfRun(run, 'with build')}`,
      '',
      '@software{kvtab,',
      '  title = {{kvtab: An in-tab laboratory for the KV cache of language models.}},',
      '  author = {{The kvtab authors}},',
      `  version = {${version}},`,
      '  note = {commit 0123456789ab},',
      '  url = {https://host.example/},',
      '  urldate = {2026-11-26},',
      '}',
      '',
      '@misc{wu2024lckv,',
      '  title = {{Layer-Condensed KV Cache for Efficient Inference of Large Language Models}},',
      '  author = {Wu, Haoyi and Tu, Kewei},',
      '  year = {2024},',
      '  eprint = {2405.10637},',
      '  archivePrefix = {arXiv},',
      '  url = {https://arxiv.org/abs/2405.10637},',
      '}',
    ]);
  });

  it('names no paper for a plan by hand, and no build for a run that did not keep it', () => {
    const citation = cite(
      { ...runOf({ changes: { layerTypes: '0_3_1_3' } }), build: null },
      'https://a/',
      [],
    );
    expect(citation).toMatch(/^kvtab \(build not recorded\), model fairy-lckv\n/);
    expect(citation).not.toContain('@misc');
    expect(citation).not.toContain('version =');
  });
});

describe('the speeds in a citation', () => {
  const first = runOf({});
  const again = (changes: Partial<StoredRun>): StoredRun => ({ ...first, ...changes });

  it('have the median and the range of the last runs of the same set-up', () => {
    const faster = again({ decodeTokensPerSec: 30, prompt: 'x', seed: 5, endedAt: first.endedAt - 2 });
    const slower = again({ decodeTokensPerSec: 15, endedAt: first.endedAt - 1 });
    const others = [
      again({ decodeTokensPerSec: 99, layerTypes: '0_1_2_3' }),
      again({ decodeTokensPerSec: 98, promptTokens: 12 }),
      again({ decodeTokensPerSec: 97, adapterDetail: 'another GPU' }),
      again({ decodeTokensPerSec: 96, build: '0.0.1@0' }),
      again({ decodeTokensPerSec: 95, watched: true }),
      again({ decodeTokensPerSec: 94, topK: 5 }),
      again({ decodeTokensPerSec: 93, endedAt: first.endedAt + 1 }),
      again({ decodeTokensPerSec: 0 }),
    ];
    const runs = [...others, first, slower, faster];
    expect(speedsOf(first, runs).decode).toEqual({ median: 20, least: 15, most: 30, count: 3 });
    expect(cite(first, 'https://a/', runs)).toContain(
      'decode: 20 tokens/s (median of 3 runs of this set-up 20, 15–30)\n',
    );
  });

  it('count ten runs at most, the last ones', () => {
    const runs = Array.from({ length: 12 }, (_, i) => again({ endedAt: -i, decodeTokensPerSec: 1 + i }));
    expect(runs[0] && speedsOf(runs[0], runs).decode).toMatchObject({ count: 10, least: 1, most: 10 });
  });
});

describe('the link of a run', () => {
  it('names every setting, defaults too, and the mode that ran', () => {
    const link = linkOfRun(runOf({}), 'with build');
    const { values, complaints, build: linked } = decodeHash(link);
    expect(complaints).toEqual([]);
    expect(linked).toBe(build);
    // An empty field of a policy is no value.
    const known = keysWhere(belongsToRun).filter((key) => defaultConfig[key] !== null);
    expect(Object.keys(values).sort()).toEqual([...known].sort());
    expect(values).toEqual({
      ...Object.fromEntries(known.map((key) => [key, defaultConfig[key]])),
      ...{ layerTypes: '0_2_2_3', mode: 'parallel' },
    });
  });

  it('pins the commit of a model from the Hub', () => {
    const run = { ...runOf({ commit: 'c0ffee' }), model: 'owner/name@main' };
    expect(decodeHash(linkOfRun(run, 'without build'))).toMatchObject({
      values: { model: 'owner/name@c0ffee' },
      build: null,
    });
  });

  it('has no prompt after a chat, whose messages a link cannot carry', () => {
    const run = runOf({ request: { input: { chat: [{ role: 'user', content: 'Who?' }] } } });
    expect(decodeHash(linkOfRun(run, 'with build')).values).not.toHaveProperty('prompt');
    expect(cite(run, 'https://a/', [])).toContain('Last message of a chat');
  });

  it('does without a text that is too long, and says so', () => {
    const link = linkOfRun(
      runOf({ changes: { prompt: '\u8A9E'.repeat(99_999), layerTypes: `0${'_0'.repeat(49_000)}` } }),
      'with build',
    );
    expect(decodeHash(link)).toMatchObject({ omitted: ['prompt'], values: { seed: 1 }, build });
    const cut = linkOfRun(runOf({ changes: { prompt: 'a'.repeat(100_001) } }), 'with build');
    expect(decodeHash(cut).values).not.toHaveProperty('prompt');
  });
});

it.each(presets)('The paper of $name has an entry for a bibliography', (preset) => {
  const entry = paperAsBibtex(preset.paper);
  expect(entry).toContain(preset.paper.title);
  expect(entry).toContain(`eprint = {${arxivOf(preset.paper)}}`);
  expect(presetLayerTypes(preset, 12)).not.toBe('');
});
