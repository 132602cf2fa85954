import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCpuBackend } from '../../../gpu/reference/backend.ts';
import { answerAll, type Answer } from '../../../tools/headless/answer.ts';
import { openFolderSource } from '../../../tools/headless/folder-source.ts';
import { advise, explain } from '../../../web/ui/explain.ts';
import { Engine } from '../../../worker/engine/engine.ts';
import { succeed } from '../../../worker/outcome.ts';
import { placeHere } from '../../../worker/text/place-here.ts';
import type { GoldenHf } from '../../support/golden.ts';
import { fileOf } from '../worker/safetensors-file.ts';

const healthy = 'tests/fixtures/golden-hf/llama-llama3';
const faults = 'tests/fixtures/faults';
const golden = JSON.parse(readFileSync(join(healthy, 'golden.json'), 'utf8')) as GoldenHf;

/** What the runner answers: see tests/fixtures/faults/README.md. */
interface Expected {
  readonly without?: readonly string[];
  readonly notices?: readonly string[];
  readonly code?: string;
  readonly says?: readonly string[];
}

let workshop = '';
let engine: Engine;

beforeAll(() => {
  workshop = mkdtempSync(join(tmpdir(), 'kvtab-'));
  engine = new Engine({
    openBackend: () => Promise.resolve(openCpuBackend()),
    openTextPlace: placeHere,
    openSource: (model) => succeed(openFolderSource(model)),
  });
});
afterAll(() => {
  rmSync(workshop, { recursive: true, force: true });
});

/** A copy of the healthy model. */
function copyHealthy(name: string): string {
  const folder = join(workshop, name);
  cpSync(healthy, folder, { recursive: true });
  return folder;
}

/** Asks alone and in an array, which answer the same. */
async function ask(model: string): Promise<Answer> {
  const request = {
    ...{ model, backend: 'cpu', tokens: golden.tokens, logits: golden.positions, kv: 'f32' },
    ...{ maxNewTokens: golden.greedy.length, ignoreEos: true, sampling: { temperature: 0 } },
  };
  const alone = (await answerAll(engine, request)) as Answer; // one for one
  const [first] = (await answerAll(engine, [request])) as readonly Answer[]; // as many
  const untimed = (answer: Answer | undefined) => ({ ...answer, timing: null });
  expect(untimed(first)).toEqual(untimed(alone));
  return alone;
}

function expectHealthy(answer: Answer, notices: readonly string[]): void {
  if (!answer.ok || !('logits' in answer)) throw new Error(JSON.stringify(answer));
  expect(answer.tokens).toEqual(golden.greedy);
  for (const [row, logits] of golden.logits.entries()) {
    const far = logits.map((logit, i) => Math.abs(logit - (answer.logits[row]?.[i] ?? NaN)));
    expect(Math.max(...far)).toBeLessThan(1e-4); // as in tests/model/golden-hf.spec.ts
  }
  expect(answer.notices).toEqual(notices.map((said) => expect.stringContaining(said) as string));
}

describe('a model as it is published', () => {
  const folders = readdirSync(faults, { withFileTypes: true }).filter((entry) => entry.isDirectory());

  it.each(folders)('gets the answer that belongs to $name', async ({ name }) => {
    const model = copyHealthy(name);
    cpSync(join(faults, name), model, { recursive: true });
    const expected = JSON.parse(readFileSync(join(faults, name, 'answer.json'), 'utf8')) as Expected;
    for (const file of expected.without ?? []) rmSync(join(model, file));
    const answer = await ask(model);
    if (expected.code === undefined) {
      expectHealthy(answer, expected.notices ?? []);
      return;
    }
    if (answer.ok) throw new Error('it was answered');
    expect(answer.failure.code).toBe(expected.code);
    const told = `${explain(answer.failure)} ${advise(answer.failure)}`;
    for (const part of expected.says ?? []) expect(told).toContain(part);
    expect(told).not.toContain('Change that setting');
  });
});

type Header = Record<string, unknown>;

/** The header of the healthy weights, and the bytes after it. */
function readWeights(): { readonly header: Header; readonly data: Uint8Array } {
  const file = readFileSync(join(healthy, 'model.safetensors'));
  const length = Number(file.readBigUInt64LE());
  const header = JSON.parse(file.toString('utf8', 8, 8 + length)) as Header;
  return { header, data: file.subarray(8 + length) };
}

describe('bookkeeping that no loader relies on does not keep a model from running', () => {
  const { header, data } = readWeights();
  const write = (name: string, changed: Header) => {
    const model = copyHealthy(name);
    writeFileSync(join(model, 'model.safetensors'), fileOf(JSON.stringify(changed), data));
    return model;
  };

  it('if __metadata__ is null', async () => {
    expectHealthy(await ask(write('metadata-null', { ...header, __metadata__: null })), []);
  });

  it('if tensor names lack the prefix "model."', async () => {
    const bare = Object.entries(header).map(([name, value]) => [name.replace(/^model\./, ''), value]);
    expectHealthy(await ask(write('flat-keys', Object.fromEntries(bare) as Header)), []);
  });

  it('if an index names a tensor that no shard has', async () => {
    const model = copyHealthy('index-names-absent-tensor');
    const shard = 'model-00001-of-00001.safetensors';
    cpSync(join(model, 'model.safetensors'), join(model, shard));
    rmSync(join(model, 'model.safetensors'));
    const names = [...Object.keys(header).filter((name) => name !== '__metadata__'), 'mtp.fc.weight'];
    const weight_map = Object.fromEntries(names.map((name) => [name, shard]));
    const index = { metadata: { total_size: data.length }, weight_map };
    writeFileSync(join(model, 'model.safetensors.index.json'), JSON.stringify(index));
    expectHealthy(await ask(model), ['mtp.fc.weight']);
  });
});
