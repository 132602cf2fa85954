import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importBuilt } from '../../../tools/setup/build-for-node.mjs';

const folder = mkdtempSync(join(tmpdir(), 'kvtab-lab-'));

function lab(
  ...args: readonly string[]
): Promise<{ readonly status: number | null; readonly stderr: string }> {
  const child = spawn(process.execPath, ['tools/lab/run.mjs', ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (status) => {
      resolve({ status, stderr });
    });
  });
}

describe('The command for the laboratory', () => {
  // The first run after a change builds.
  beforeAll(() => importBuilt('lab'), 120_000);
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it('writes the harness’s layout for any number of task files', async () => {
    const out = join(folder, 'out');
    const files = ['odd_last_word', 'fairy_cloze'].map((name) => `public/laboratory/tasks/${name}.yaml`);
    const model = ['--model', 'fairy-llama', '--backend', 'cpu'];
    const { status, stderr } = await lab('--tasks', ...files, ...model, '--limit', '2', '--out', out);
    expect(status, stderr).toBe(0);
    const names = readdirSync(out).sort();
    expect(names.map((name) => name.replace(/_\d{4}-.*\./, '.'))).toEqual([
      'results.json',
      'samples_fairy_cloze.jsonl',
      'samples_odd_last_word.jsonl',
    ]);
    const results = JSON.parse(readFileSync(join(out, names[0] ?? ''), 'utf8')) as {
      results: Readonly<Record<string, object>>;
    };
    expect(Object.keys(results.results['odd_last_word'] ?? {})).toEqual([
      ...['name', 'alias', 'sample_len', 'perplexity,none', 'perplexity_stderr,none'],
      ...['acc,none', 'acc_stderr,none'],
    ]);
    const samples = readFileSync(join(out, names[1] ?? ''), 'utf8')
      .trimEnd()
      .split('\n');
    expect(samples).toHaveLength(2);
    expect(JSON.parse(samples[0] ?? '')).toMatchObject({ doc_id: 0, filter: 'none', metrics: ['acc'] });
  }, 60_000);

  it('refuses code by name before anything runs', async () => {
    const file = join(folder, 'bad.yaml');
    writeFileSync(file, 'task: bad\ndoc_to_text: !function utils.doc_to_text\n');
    const out = join(folder, 'none');
    const { status, stderr } = await lab('--tasks', file, '--model', 'fairy-llama', '--out', out);
    expect(status).toBe(2);
    expect(stderr).toContain('bad.yaml: !function utils.doc_to_text names code');
    expect(readdirSync(folder)).not.toContain('none');
  }, 30_000);

  it('says what is wrong with what it is asked for', async () => {
    const { status, stderr } = await lab('--tasks', 'a.yaml', '--model', 'fairy-llama');
    expect(status).toBe(2);
    expect(stderr).toContain('--out is missing');
  }, 30_000);
});
