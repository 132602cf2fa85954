import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { CheckpointFile } from '../../../tools/heal/checkpoint-file.ts';
import { readOptions } from '../../../tools/heal/options.mjs';

describe('npm run heal', () => {
  const least = ['--model', 'fairy-llama', '--text', 'sample', '--steps', '5', '--out', 'healed'];

  it('trains the projections of the plan that is named', () => {
    const order = readOptions([...least, '--layers', '0_3_3_3_3_3_3_7', '--window', '64']);
    expect(order).toMatchObject({ kind: 'heal', train: 'projections', steps: 5, window: 64, tokens: 256 });
    expect(order).toMatchObject({ layers: '0_3_3_3_3_3_3_7', rate: null, heldOut: null, checkpoint: null });
  });

  it.each([
    ['--model is missing', ['--text', 'sample', '--steps', '1', '--out', 'x']],
    ['--text is missing: name a file, or sample', ['--model', 'm', '--steps', '1', '--out', 'x']],
    ['--steps is missing', ['--model', 'm', '--text', 't', '--out', 'x']],
    ['--steps ten is not a number', ['--model', 'm', '--text', 't', '--steps', 'ten', '--out', 'x']],
    ['--out is missing: say where the healed model goes', ['--model', 'm', '--text', 't', '--steps', '1']],
    ['--train some is neither projections nor all', [...least, '--train', 'some']],
    ['--rate  is not a number', [...least, '--rate', '']],
  ])('says that %s', (reason, args) => {
    expect(readOptions(args)).toEqual({ kind: 'wrong', reason });
  });

  it('names an option that it does not know', () => {
    expect(readOptions([...least, '--batch', '3'])).toMatchObject({ kind: 'wrong' });
    expect(JSON.stringify(readOptions([...least, '--batch', '3']))).toContain('--batch');
  });

  it('needs no folder to evaluate alone', () => {
    expect(readOptions(['--model', 'm', '--text', 't', '--steps', '0'])).toMatchObject({
      out: null,
      steps: 0,
    });
  });
});

describe('a checkpoint file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kvtab-heal-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const state = {
    step: 3,
    weights: Float32Array.of(1, 2),
    means: Float32Array.of(3, 4),
    squares: Float32Array.of(5, 6),
    evaluations: [{ step: 0, bitsPerByte: 2 }],
  };

  it('gives back the state of the same healing', async () => {
    const path = join(folder, 'kept');
    expect(await new CheckpointFile(path).read('key')).toBeNull();
    const file = new CheckpointFile(path);
    await file.keep('key', () => state);
    // A minute has not passed.
    expect(await new CheckpointFile(path).read('key')).toBeNull();
    await file.flush();
    expect(await new CheckpointFile(path).read('key')).toEqual(state);
  });

  it('refuses the file of another healing, and what is no such file', async () => {
    const path = join(folder, 'other');
    const file = new CheckpointFile(path);
    await file.keep('key', () => state);
    await file.flush();
    await expect(new CheckpointFile(path).read('another key')).rejects.toThrow('is not a checkpoint of this');
    writeFileSync(path, 'text');
    await expect(new CheckpointFile(path).read('key')).rejects.toThrow('is not a checkpoint of this');
  });
});
