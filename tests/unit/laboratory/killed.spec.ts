import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { threefry2x32 } from '../../../gpu/cpu/random.ts';
import { importBuilt } from '../../../tools/setup/build-for-node.mjs';

/** 20 at night. */
const kills = Number(process.env['KVTAB_KILLS'] ?? 2);
const folder = mkdtempSync(join(tmpdir(), 'kvtab-killed-'));
const experiment = join(folder, 'experiment.json');
const items = readFileSync('public/laboratory/tasks/odd_last_word.jsonl');
const json = {
  experiment: 1,
  model: 'fairy-lckv',
  base: { backend: 'cpu', mode: 'sequential', kv: 'f32' },
  vary: [{ policy: [{ id: 'none' }, { id: 'sinks', sinks: 2, recent: 6 }] }],
  measure: [
    {
      id: 'word',
      kind: 'continuation',
      items: { sha256: createHash('sha256').update(items).digest('hex'), name: 'odd_last_word.jsonl' },
      maxLength: 128,
    },
  ],
};

function lab(out: string, ...more: readonly string[]) {
  const args = ['tools/lab/run.mjs', experiment, '--out', join(folder, out), ...more];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.err += text));
  const ended = once(child, 'close') as Promise<[code: number | null, signal: string | null]>;
  /** When the file has this many bytes. */
  const reached = async (bytes: number) => {
    const path = join(folder, out);
    while (child.exitCode === null && !(existsSync(path) && statSync(path).size >= bytes)) await delay(1);
  };
  return { child, said, ended, reached };
}

const withoutTimes = (out: string) => readFileSync(join(folder, out), 'utf8').replace(/"ms":\d+/g, '"ms":0');

describe('A run in a process of its own', () => {
  let bytes = 0;
  let table = '';

  beforeAll(async () => {
    writeFileSync(experiment, JSON.stringify(json));
    await importBuilt('lab');
    const whole = lab('whole.jsonl', '--harness', join(folder, 'harness'));
    expect((await whole.ended)[0], whole.said.err).toBe(0);
    bytes = statSync(join(folder, 'whole.jsonl')).size;
    table = whole.said.out;
  }, 120_000);
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it('also writes the harness’s files, a folder for each row, with the numbers of the table', () => {
    for (const [row, line] of table.trim().split('\n').slice(2).entries()) {
      const files = join(folder, 'harness', `row-${row + 1}`);
      const names = readdirSync(files).sort();
      expect(names.map((name) => name.replace(/_\d{4}-.*\./, '.'))).toEqual([
        'results.json',
        'samples_word.jsonl',
      ]);
      const { results } = JSON.parse(readFileSync(join(files, names[0] ?? ''), 'utf8')) as {
        results: { word: { 'perplexity,none': number } };
      };
      const [, perplexity] = line.split(' | ');
      expect(results.word['perplexity,none']).toBeGreaterThan(1);
      const shown = Number.parseFloat(perplexity?.replaceAll(',', '') ?? '');
      expect(shown / results.word['perplexity,none']).toBeCloseTo(1, 3);
    }
  });

  it(`that is killed by SIGKILL at ${kills} random points ends with the same results`, async () => {
    for (let kill = 0; kill < kills; kill++) {
      const out = `killed-${kill}.jsonl`;
      const victim = lab(out);
      await victim.reached(threefry2x32([20, kills], [kill, 0])[0] % bytes);
      victim.child.kill('SIGKILL');
      await victim.ended;
      const second = lab(out);
      expect((await second.ended)[0], second.said.err).toBe(0);
      expect(withoutTimes(out), `kill ${kill}`).toBe(withoutTimes('whole.jsonl'));
      expect(second.said.out).toBe(table);
    }
  }, 240_000);

  it('keeps its records at Ctrl+C, says how to continue, and does', async () => {
    const first = lab('paused.jsonl');
    await first.reached(bytes / 3);
    first.child.kill('SIGINT');
    expect((await first.ended)[0]).toBe(1);
    expect(first.said.err).toMatch(
      /stopped after \d+ of 16 items\. .*paused\.jsonl keeps them; the same command/,
    );
    expect(first.said.out).toBe('');
    expect(existsSync(join(folder, 'paused.jsonl.lock'))).toBe(false);
    const second = lab('paused.jsonl');
    expect((await second.ended)[0], second.said.err).toBe(0);
    expect(withoutTimes('paused.jsonl')).toBe(withoutTimes('whole.jsonl'));
  }, 120_000);

  it('continues after an update of kvtab: old records stay and do not count', async () => {
    // Keys are made of the version. What another version wrote has other keys.
    const old = readFileSync(join(folder, 'whole.jsonl'), 'utf8')
      .replace(/"kvtab":"[^"]*"/, '"kvtab":"0.0.1+older"')
      .replace(/"key":"(.)/g, (_, digit: string) => `"key":"${digit === 'a' ? 'b' : 'a'}`);
    writeFileSync(join(folder, 'old.jsonl'), old);
    const run = lab('old.jsonl');
    expect((await run.ended)[0], run.said.err).toBe(0);
    expect(run.said.err).toMatch(/16 records of .* do not count: the file was begun by kvtab 0\.0\.1\+older/);
    expect(run.said.out).toBe(table);
    expect(readFileSync(join(folder, 'old.jsonl'), 'utf8').startsWith(old)).toBe(true);
  }, 60_000);

  it('ends with a sentence if the results cannot be written', async () => {
    const run = lab('no-such-folder/results.jsonl');
    expect((await run.ended)[0]).toBe(1);
    expect(run.said.err).toMatch(/results\.jsonl cannot be written: ENOENT/);
  }, 60_000);
});
