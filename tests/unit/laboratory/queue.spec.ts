import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jobOf, readAnswer, readJob } from '../../../tools/lab/queue/cell-job.ts';
import { checkQueueModels } from '../../../tools/lab/queue/queue-models.ts';
import { readRedisAddress } from '../../../tools/lab/queue/redis-address.ts';
import { importBuilt } from '../../../tools/setup/build-for-node.mjs';
import { readExperiment } from '../../../worker/laboratory/experiment.ts';
import { Refused } from '../../../worker/outcome.ts';
import { hasRedisServer, RedisServer } from '../../support/redis-server.ts';

const tale = readFileSync('public/laboratory/tasks/odd_last_word.jsonl');
const items = { sha256: createHash('sha256').update(tale).digest('hex'), name: 'odd_last_word.jsonl' };
const json = {
  experiment: 1,
  model: 'fairy-lckv',
  base: { backend: 'cpu', mode: 'sequential', kv: 'f32' },
  vary: [{ policy: [4, 8, 12].map((recent) => ({ id: 'sinks', sinks: 2, recent })) }],
  measure: [
    { id: 'word', kind: 'continuation', items, maxLength: 64 },
    { id: 'tale', kind: 'rolling', text: items, column: 'text', maxLength: 64, promptTokens: 8 },
  ],
};
const experiment = readExperiment(json);

describe('What comes from a queue', () => {
  const key = 'a'.repeat(64);
  const job = jobOf({ experiment, cells: [{ row: 2, measure: 'tale' }], keys: new Set([key]) });

  it('is a job only if every field of it is one', () => {
    expect(readJob(job)).toMatchObject({ cells: [{ row: 2, measure: 'tale' }], keys: new Set([key]) });
    for (const wrong of [
      null,
      { ...job, version: 2 },
      { ...job, experiment: '{' },
      { ...job, experiment: '['.repeat(10_000) },
      { ...job, cells: [{ row: 3, measure: 'tale' }] },
      { ...job, cells: [{ row: 0, measure: '__proto__' }] },
      { ...job, cells: Array.from({ length: 1000 }, () => ({ row: 0, measure: 'tale' })) },
      { ...job, keys: ['x'] },
      { ...job, run: 'rm' },
    ]) {
      expect(() => readJob(wrong)).toThrow();
    }
  });

  it('is an answer only with records that were asked for, each once', () => {
    const measured = { kind: 'recall', told: 1, untold: 2, tokens: 3, kvBytes: 4 };
    const record = { key, row: 0, measure: 'x', item: 0, measured, ms: 1 };
    const answer = JSON.stringify([record, record, { ...record, key: 'b'.repeat(64) }, 7]);
    expect(readAnswer(answer, new Set([key]))).toEqual([record]);
    for (const wrong of [null, '{', [record], '{"0":1}'])
      expect(readAnswer(wrong, new Set([key]))).toEqual([]);
  });

  it('names models that are the same everywhere, and no files outside a worker’s folder', () => {
    const check = (model: string) => {
      checkQueueModels(readExperiment({ ...json, model }));
    };
    for (const model of ['fairy-llama', 'my/model', `hub:a/b@${'0'.repeat(40)}`]) check(model);
    for (const model of ['/etc', '../secret', 'a/../../b', 'hub:a/b', 'hub:a/b@main']) {
      expect(() => {
        check(model);
      }).toThrow(Refused);
    }
  });

  it('has an address whose password no message repeats', () => {
    const address = readRedisAddress('redis://me:p%40ss@[::1]:7000/3');
    expect(address.options).toEqual({ host: '::1', port: 7000, db: 3, username: 'me', password: 'p@ss' });
    expect(address.shown).toBe('redis://[::1]:7000');
    expect(address.hide('WRONGPASS p@ss or p%40ss')).toBe('WRONGPASS … or …');
    for (const wrong of ['http://:secret@a', 'redis://:secret@a/x', 'secret']) {
      expect(() => readRedisAddress(wrong)).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining('secret') as string }) as Error,
      );
    }
  });
});

describe.runIf(hasRedisServer())('A queue with three workers', () => {
  const password = 'hidden-7f3a';
  const folder = mkdtempSync(join(tmpdir(), 'kvtab-queue-'));
  const path = join(folder, 'experiment.json');
  const children: ChildProcess[] = [];
  let redis: RedisServer;
  let said = '';

  function lab(...args: readonly string[]) {
    const child = spawn(process.execPath, ['tools/lab/run.mjs', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(child);
    const output = { out: '', err: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output.out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output.err += text;
      said += text;
    });
    return { child, output, ended: once(child, 'close') as Promise<[code: number | null]> };
  }
  const saying = (worker: ReturnType<typeof lab>, words: string) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (worker.output.err.includes(words)) resolve();
      };
      worker.child.stderr.on('data', look);
      worker.child.on('close', () => {
        reject(new Error(`it ended: ${worker.output.err}`));
      });
      look();
    });

  beforeAll(async () => {
    writeFileSync(path, JSON.stringify(json));
    redis = await RedisServer.start(password);
    await importBuilt('lab');
  }, 120_000);
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL');
    await redis.stop();
    rmSync(folder, { recursive: true });
  });

  it('has the results of one process, although one of them is killed', async () => {
    const alone = lab(path, '--out', join(folder, 'alone.jsonl'));
    expect((await alone.ended)[0], alone.output.err).toBe(0);

    const work = () => lab('work', '--queue', redis.url, '--lost-after', '2');
    const victim = work();
    await saying(victim, 'waiting for cells');
    const collector = lab(path, '--out', join(folder, 'queue.jsonl'), '--queue', redis.url);
    await saying(victim, 'measuring');
    victim.child.kill('SIGKILL');
    const others = [work(), work()];
    expect((await collector.ended)[0], said).toBe(0);

    const withoutTimes = (file: string) =>
      readFileSync(join(folder, file), 'utf8').replace(/"ms":\d+/g, '"ms":0');
    expect(withoutTimes('queue.jsonl')).toBe(withoutTimes('alone.jsonl'));
    expect(collector.output.out).toBe(alone.output.out);

    for (const { child } of others) child.kill('SIGINT');
    for (const { ended, output } of others) expect((await ended)[0], output.err).toBe(0);
    expect(said).not.toContain(password);
    expect(withoutTimes('queue.jsonl')).not.toContain(password);
  }, 120_000);

  it('refuses what names no queue, in a sentence without the password', async () => {
    const wrong = lab('work', '--queue', redis.url.replace(password, 'wrong-password'));
    expect((await wrong.ended)[0]).toBe(1);
    expect(wrong.output.err).toMatch(/no queue at redis:\/\/127\.0\.0\.1:\d+: /);
    expect(wrong.output.err).not.toContain('wrong-password');
  }, 30_000);
});
