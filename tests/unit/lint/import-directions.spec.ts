import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { ESLint } from 'eslint';
import tseslint from 'typescript-eslint';
import { expect, it } from 'vitest';
import ownRules from '../../../tools/check/lint-rules.mjs';

const root = resolve(import.meta.dirname, '../../..');

// Quicker for many small texts than Oxlint, which runs the same rules on files.
const eslint = new ESLint({
  overrideConfigFile: true,
  overrideConfig: {
    files: ['**/*.ts'],
    languageOptions: { parser: tseslint.parser },
    plugins: { kvtab: ownRules },
    rules: { 'kvtab/import-directions': 'error', 'kvtab/no-barrels': 'error' },
  },
});
/** As the project lints its components, without types, because the files of these tests do not exist. */
const eslintForComponents = new ESLint({ overrideConfig: [tseslint.configs.disableTypeChecked] });

async function messagesFor(filePath: string, text: string): Promise<readonly string[]> {
  const [result] = await (filePath.endsWith('.svelte') ? eslintForComponents : eslint).lintText(text, {
    filePath,
  });
  return (result?.messages ?? [])
    .filter(({ ruleId }) => ruleId === null || ruleId.startsWith('kvtab/'))
    .map(({ message }) => message);
}

const refused: readonly (readonly [file: string, code: string, reason: RegExp])[] = [
  ['gpu/plan/x.ts', `import { a } from '../memory.ts';`, /gpu\/plan is pure/],
  ['gpu/plan/x.ts', `import type { A } from '../memory.ts';`, /gpu\/plan is pure/],
  ['gpu/plan/x.ts', `import { a } from 'comlink';`, /gpu\/plan is pure/],
  ['gpu/plan/x.ts', `import { readFile } from 'node:fs';`, /gpu\/plan is pure/],
  ['gpu/plan/x.ts', `export const a = import('../memory.ts');`, /gpu\/plan is pure/],
  ['gpu/plan/x.ts', `export type A = import('../memory.ts').A;`, /gpu\/plan is pure/],
  ['gpu/webgpu/kernels/x.ts', `import { a } from '../memory.ts';`, /A kernel is a WGSL file/],
  [
    'gpu/webgpu/kernels/x.ts',
    `import { a } from '../../../worker/engine/engine.ts';`,
    /A kernel is a WGSL file/,
  ],
  ['gpu/webgpu/kernels/x.ts', `import { a } from 'svelte';`, /A kernel is a WGSL file/],
  ['gpu/webgpu/memory.ts', `import { a } from '../../worker/engine/engine.ts';`, /gpu\/webgpu imports/],
  [
    'gpu/webgpu/memory.ts',
    `import type { Failure } from '../../worker/protocol/failure.ts';`,
    /gpu\/webgpu imports/,
  ],
  ['gpu/webgpu/memory.ts', `import { a } from '../wasm/kernels.ts';`, /no other backend/],
  ['gpu/wasm/x.ts', `import { a } from '../reference/decoder.ts';`, /as its fall-back/],
  ['gpu/cpu/x.ts', `import { a } from '../reference/decoder.ts';`, /knows neither of them/],
  ['gpu/kv/x.ts', `import { a } from '../webgpu/memory.ts';`, /gpu\/kv is pure/],
  ['gpu/numbers/x.ts', `import { a } from '../kv/mask.ts';`, /gpu\/numbers is pure/],
  ['gpu/backend.ts', `import { a } from './webgpu/memory.ts';`, /contract of the backends/],
  ['gpu/webgpu/memory.ts', `import { a } from '../../web/ui/format.ts';`, /gpu\/webgpu imports/],
  ['gpu/reference/x.ts', `import { create } from 'webgpu';`, /gpu\/reference is the oracle/],
  ['worker/protocol/load.ts', `import { a } from '../../gpu/plan/sampling.ts';`, /types alone/],
  ['worker/protocol/load.ts', `import type { A } from '../engine/engine.ts';`, /types alone/],
  ['worker/protocol/load.ts', `import type { A } from 'comlink';`, /types alone/],
  ['worker/engine/engine.ts', `import { a } from '../../web/main.ts';`, /never the page/],
  ['worker/engine/engine.ts', `import { T } from '@huggingface/tokenizers';`, /Only worker\/text/],
  ['worker/loader/x.ts', `import { T } from '@huggingface/tokenizers';`, /Only worker\/text/],
  ['worker/text/oniguruma.ts', `import { wrap } from 'comlink';`, /one importer of the tokenizer/],
  ['worker/text/chat-template.ts', `import '@huggingface/tokenizers';`, /Only worker\/text\/oniguruma.ts/],
  ['worker/settings/x.ts', `import { a } from '../outcome.ts';`, /worker\/settings is the table/],
  ['web/playground/x.ts', `import * as v from 'valibot';`, /The playground knows no panel/],
  ['worker/protocol/export.ts', `import type { A } from '../outcome.ts';`, /types alone/],
  ['worker/export/x.ts', `import { makeZip } from 'client-zip';`, /imports gpu, worker and comlink/],
  ['worker/storage/x.ts', `import { a } from '../outcome.ts';`, /worker\/storage is what/],
  ['worker/protocol/hub.ts', `import type { A } from '../hub/library.ts';`, /types alone/],
  ['worker/hub/library.ts', `import { createSHA256 } from 'hash-wasm';`, /imports gpu, worker and comlink/],
  ['worker/loader/x.ts', `import { get } from 'idb-keyval';`, /imports gpu, worker and comlink/],
  ['web/panels/runs/x.ts', `import { get } from 'idb-keyval';`, /its storage is worker\/storage/],
  ['web/main.ts', `import { a } from '../worker/protocol/load.ts';`, /only through the types/],
  ['web/main.ts', `import { Engine } from '../worker/engine/engine.ts';`, /only through the types/],
  ['web/main.ts', `import type { Engine } from '../worker/engine/engine.ts';`, /only through the types/],
  ['web/main.ts', `import { a } from '../gpu/webgpu/memory.ts';`, /only through the types/],
  ['web/main.ts', `import type { A } from '../gpu/backend.ts';`, /only through the types/],
  ['web/main.ts', `import { T } from '@huggingface/tokenizers';`, /libraries are svelte and comlink/],
  [
    'web/App.svelte',
    `<script>import { a } from '../gpu/webgpu/memory.ts'; a();</script>`,
    /only through the types/,
  ],
  [
    'web/ui/x.ts',
    `import { a } from '../playground/playground.svelte.ts';`,
    /neither the playground nor a panel/,
  ],
  [
    'web/settings/x.ts',
    `import { a } from '../playground/playground.svelte.ts';`,
    /neither the playground nor a panel/,
  ],
  [
    'web/playground/x.ts',
    `import { a } from '../panels/hub/hub.svelte.ts';`,
    /The playground knows no panel/,
  ],
  ['web/panels/runs/x.ts', `import { a } from '../hub/hub.svelte.ts';`, /never another panel/],
  ['web/shell/x.ts', `import { a } from '../panels/hub/hub.svelte.ts';`, /takes its panels from/],
  ['web/panels/panels.ts', `import { a } from '../shell/x.ts';`, /nothing of the page around them/],
  ['worker/loader/x.ts', `import { a } from '../hub/records.ts';`, /worker\/loader imports/],
  ['worker/text/x.ts', `import { a } from '../loader/checkpoint.ts';`, /worker\/text imports/],
  ['worker/hub/x.ts', `import { a } from '../engine/engine.ts';`, /worker\/hub imports/],
  ['tools/headless/x.ts', `import { a } from '../../web/main.ts';`, /neither the page nor the tests/],
  ['tools/headless/x.ts', `import { a } from '../../tests/support/all-close.ts';`, /neither the page/],
];

it.each(refused)('refuses in %s: %s', async (file, code, reason) => {
  expect(await messagesFor(file, code)).toEqual([expect.stringMatching(reason)]);
});

const allowed: readonly (readonly [file: string, code: string])[] = [
  ['gpu/plan/x.ts', `import { a } from './layer-types.ts';`],
  ['gpu/webgpu/kernels/x.ts', `import { defineKernel } from '../kernel.ts';`],
  ['gpu/webgpu/kernels/x.ts', `import source from './x.wgsl?raw';`],
  ['gpu/webgpu/kernels/x.ts', `import { bytesOf } from '../../numbers/element-type.ts';`],
  ['gpu/webgpu/memory.ts', `import { kernel } from './kernels/x.ts';`],
  ['gpu/webgpu/x.ts', `import { a } from '../kv/mask.ts';`],
  ['gpu/reference/x.ts', `import { ropeTable } from '../plan/rope.ts';`],
  ['worker/protocol/load.ts', `import type { AdapterFacts } from '../../gpu/backend.ts';`],
  ['worker/engine/engine.ts', `import { BackendError } from '../../gpu/backend-error.ts';`],
  ['worker/main.ts', `import { expose } from 'comlink';`],
  ['worker/text/oniguruma.ts', `import { Tokenizer } from '@huggingface/tokenizers';`],
  ['worker/storage/x.ts', `import { get } from 'idb-keyval';`],
  ['worker/hub/digest.ts', `import { createSHA256 } from 'hash-wasm';`],
  ['web/panels/hub/x.ts', `import type { HubApi } from '../../../worker/protocol/hub.ts';`],
  ['web/panels/hub/x.ts', `import { a } from './hub.svelte.ts';`],
  ['web/panels/hub/x.ts', `import { a } from '../../playground/playground.svelte.ts';`],
  ['web/panels/runs/x.ts', `import { openSpace } from '../../../worker/storage/space.ts';`],
  ['web/main.ts', `import type { EngineApi } from '../worker/protocol/engine.ts';`],
  ['web/main.ts', `import { parseLayerTypes } from '../gpu/plan/layer-types.ts';`],
  ['web/main.ts', `import { mount } from 'svelte';`],
  ['web/settings/x.ts', `import { settings } from '../../worker/settings/settings.ts';`],
  ['tools/bench/x.ts', `import { settings } from '../../worker/settings/settings.ts';`],
  ['web/playground/read-stored-run.ts', `import * as v from 'valibot';`],
  ['web/shell/x.ts', `import type { Panel } from '../panels/panels.ts';`],
  ['web/panels/panels.ts', `import { a } from './hub/a.ts';`],
  ['web/playground/x.ts', `import { SvelteMap } from 'svelte/reactivity';`],
  ['web/playground/x.ts', `import { wrap } from 'comlink';`],
  ['web/main.ts', `export const w = new Worker(new URL('../worker/main.ts', import.meta.url));`],
  ['tests/model/x.spec.ts', `import { Engine } from '../../worker/engine/engine.ts';`],
  ['tests/unit/web/x.spec.ts', `import { explain } from '../../../web/ui/explain.ts';`],
  ['tools/headless/x.ts', `import { Engine } from '../../worker/engine/engine.ts';`],
  ['tools/headless/x.ts', `import { create } from 'webgpu';`],
];

it.each(allowed)('allows in %s: %s', async (file, code) => {
  expect(await messagesFor(file, code)).toEqual([]);
});

it.each([`export { a } from './a.ts';`, `export * from './a.ts';`])(
  'refuses a file that only re-exports as a barrel: %s',
  async (code) => {
    expect(await messagesFor('gpu/x.ts', code)).toContainEqual(expect.stringMatching(/No barrels/));
  },
);

it('Oxlint runs both rules on TypeScript and on JavaScript', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kvtab-'));
  try {
    mkdirSync(join(folder, 'gpu/plan'), { recursive: true });
    writeFileSync(join(folder, 'gpu/plan/x.ts'), `import '../memory.ts';\n`);
    writeFileSync(join(folder, 'gpu/plan/y.mjs'), `export { a } from './x.ts';\n`);
    const arguments_ = ['--config', join(root, '.oxlintrc.json'), '--format', 'unix', '.'];
    const oxlint = promisify(execFile)(join(root, 'node_modules/.bin/oxlint'), arguments_, { cwd: folder });
    const { stdout } = await oxlint.catch((error: unknown) => error as { stdout: string });
    expect(stdout).toMatch(/x\.ts:1:1: gpu\/plan is pure/);
    expect(stdout).toMatch(/y\.mjs:1:1: No barrels/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
