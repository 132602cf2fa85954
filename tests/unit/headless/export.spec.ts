import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openCpuBackend } from '../../../gpu/reference/backend.ts';
import { answerAll } from '../../../tools/headless/answer.ts';
import { openFolderSource } from '../../../tools/headless/folder-source.ts';
import { pathSink } from '../../../tools/headless/path-sink.ts';
import { Engine } from '../../../worker/engine/engine.ts';
import { exportModel } from '../../../worker/export/export-model.ts';
import { succeed } from '../../../worker/outcome.ts';
import { placeHere } from '../../../worker/text/place-here.ts';

let workshop = '';
beforeEach(() => (workshop = mkdtempSync(join(tmpdir(), 'kvtab-'))));
afterEach(() => {
  rmSync(workshop, { recursive: true, force: true });
});

const engine = new Engine({
  openBackend: () => Promise.resolve(openCpuBackend()),
  openTextPlace: placeHere,
  openSource: (model) => succeed(openFolderSource(model)),
  exportModel: (model, request, run) =>
    exportModel(model, request, run, pathSink(request.to.to === 'path' ? request.to.path : '')),
});

const config = { layer_types: '0_5_5_5_5_5_6_7' };
const shipped = { model: 'public/models/fairy-lckv', backend: 'cpu' };
const question = { tokens: [5, 6, 7, 8], maxNewTokens: 8, logits: [3], kv: 'f32' };

describe('An export by the headless runner', () => {
  it('is a folder that gives the same results as the edited plan', async () => {
    const folder = join(workshop, 'exported');
    const answers = await answerAll(engine, [
      { ...shipped, ...question, config },
      { ...shipped, config, export: folder },
      { ...shipped, ...question, model: folder },
    ]);
    expect(answers).toMatchObject([{ ok: true }, { ok: true, readBy: 'lckv' }, { ok: true }]);
    const [before, exported, after] = answers as readonly Record<string, unknown>[];
    const files = (exported?.['files'] ?? []) as readonly string[];
    expect(readdirSync(folder).sort()).toEqual([...files].sort());
    expect(after?.['logits']).toEqual(before?.['logits']);
    expect(after?.['tokens']).toEqual(before?.['tokens']);
    expect(JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'))).toMatchObject(config);
  });

  it('never writes into a folder that is not empty, and leaves nothing behind if it fails', async () => {
    const taken = join(workshop, 'taken');
    mkdirSync(taken);
    writeFileSync(join(taken, 'mine'), 'mine');
    expect(await answerAll(engine, { ...shipped, export: taken })).toMatchObject({
      failure: { code: 'export-failed', reason: 'the folder is not empty' },
    });
    expect(readdirSync(taken)).toEqual(['mine']);

    const sink = pathSink(join(workshop, 'broken'));
    const broken = (async function* () {
      yield await Promise.resolve({ name: 'a', sizeBytes: 1, chunks: [new Uint8Array(1)] as never });
      throw new Error('the source broke');
    })();
    await expect(sink('x', broken)).rejects.toThrow('the source broke');
    expect(existsSync(join(workshop, 'broken'))).toBe(false);
  });

  it('makes the folders above its own, and gives up where none can be made', async () => {
    const deep = join(workshop, 'a', 'b', 'c');
    expect(await answerAll(engine, { ...shipped, export: deep })).toMatchObject({ ok: true });
    expect(existsSync(join(deep, 'config.json'))).toBe(true);

    writeFileSync(join(workshop, 'file'), '');
    // Under /proc, Node's own recursive way never ends.
    for (const folder of [
      '/proc/kvtab/model',
      join(workshop, 'file', 'model'),
      join(workshop, 'a'.repeat(9000)),
    ]) {
      const answer = await answerAll(engine, { ...shipped, export: folder });
      expect(answer).toMatchObject({ failure: { code: 'export-failed' } });
      expect(JSON.stringify(answer).length).toBeLessThan(1000);
    }
  });
});
