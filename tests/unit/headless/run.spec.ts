import { spawn } from 'node:child_process';
import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import shippedGolden from '../../../public/models/fairy-lckv/golden.json' with { type: 'json' };
import { goldenPolicyFolder, goldenPolicyRuns } from '../../support/golden-policies.ts';
import { fairyRepository } from '../../support/hub-model.ts';
import { startHub } from '../../support/hub-server.ts';
import { importBuilt } from '../../../tools/setup/build-for-node.mjs';

/** Starts the runner as a user would, with `input` on its standard input. */
function run(
  input: string,
  env: NodeJS.ProcessEnv = {},
): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, ['tools/headless/run.mjs'], {
    stdio: 'pipe',
    env: { ...process.env, ...env },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (status) => {
      resolve({ status, stdout, stderr });
    });
  });
}

const [golden] = shippedGolden;
const request = {
  model: 'fairy-lckv',
  backend: 'cpu',
  prompt: golden?.prompt,
  mode: 'sequential',
  sampling: { temperature: 0 },
};

const chatTemplate =
  '{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}';

const sixTokens = golden?.greedy_after_sequential.slice(0, 6);

describe('the headless runner', () => {
  // The first run after a change builds. The times below must not include that.
  beforeAll(() => importBuilt('headless'), 120_000);

  it('writes JSON and nothing else to standard output, and exits by itself', async () => {
    const { status, stdout, stderr } = await run(JSON.stringify({ ...request, maxNewTokens: 6 }));
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, tokens: sixTokens });
  });

  it('keeps the promises of the README when built', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'kvtab-'));
    try {
      const model = join(folder, 'model');
      await cp('public/models/fairy-lckv', model, { recursive: true });
      await writeFile(join(model, 'chat_template.jinja'), chatTemplate);
      const small = { model, backend: 'cpu', maxNewTokens: 2, sampling: { temperature: 0 } };
      const exported = join(folder, 'exported');
      const { stdout } = await run(
        JSON.stringify([
          { ...small, prompt: 'Once upon a time' },
          { ...small, messages: [{ role: 'user', content: 'hi' }] },
          { ...small, tokens: [5, 6, 7] },
          { ...small, turns: [[5, 6], [7]] },
          { ...small, prompt: 'Once', watch: ['tokens', 'kernels', 'movement', 'exact'] },
          { ...small, prompt: 'Once', continuation: [5, 6], reference: 'keep' },
          { ...small, prompt: 'Once', continuation: [5, 6], reference: 'compare' },
          { ...small, weights: 'q4', quantizeEmbeddings: true, kv: 'f32', prompt: 'Once' },
          {
            ...{ ...small, prompt: 'Once upon a time there was a king who had a daughter', maxNewTokens: 9 },
            policy: {
              ...{ id: 'less', sparse: { id: 'lambda', sinks: 1, recent: 3 } },
              kernels: join(model, 'less-lambda-12.safetensors'),
            },
          },
          { model, backend: 'cpu', export: exported },
        ]),
      );
      const answers = JSON.parse(stdout) as readonly { readonly ok: boolean; readonly tokens?: unknown }[];
      expect(answers.filter(({ ok }) => !ok)).toEqual([]);
      expect(answers[1]?.tokens).toHaveLength(2);
      expect(answers[4]).toHaveProperty('convergence.divergence.kl');
      expect(answers[6]).toHaveProperty('scored.divergence.kl');
      // In each of two KV heads, 8 features of 32 values and one sum.
      const stateBytes = 2 * 8 * (32 + 1) * 4;
      expect(answers[8]).toMatchObject({
        kv: { layers: [{ stateBytes }, { stateBytes }, { stateBytes }] },
      });
      expect(await readdir(exported)).toContain('generation_config.json');
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('answers watched steps, scores and states in the form and order of the golden files', async () => {
    const runs = await goldenPolicyRuns('lckv-w2');
    const asked = runs.map(({ policy, mode, turns }) => ({
      model: goldenPolicyFolder('lckv-w2'),
      backend: 'cpu',
      kv: 'f32',
      policy,
      mode,
      turns: turns.map(({ tokens, new: count }, i) =>
        i === turns.length - 1 ? tokens : { tokens, ...(count > 0 && { new: count }) },
      ),
      // The golden run feeds its last token too.
      maxNewTokens: (turns.at(-1)?.new ?? 0) + 1,
      sampling: { temperature: 0 },
      ignoreEos: true,
      watch: ['steps', 'scores'],
    }));
    const answers = JSON.parse((await run(JSON.stringify(asked))).stdout) as readonly object[];
    const fields = ['steps', 'scores_after_prompt', 'scores_at_end', 'state_after_prompt', 'state_at_end'];
    /** A value with its numbers rounded away, except for ids and positions, which are exact. */
    const formOf = (value: object) =>
      JSON.stringify(value, (key, inner: unknown) =>
        ['logits', 'scores', 'z', 'H'].includes(key)
          ? (inner as readonly unknown[]).length
          : typeof inner === 'number' && !Number.isInteger(inner)
            ? 'number'
            : inner,
      );
    const only = (value: object) =>
      Object.fromEntries(
        fields.flatMap((name) => (name in value ? [[name, value[name as keyof object]] as const] : [])),
      );
    expect(answers.map((answer) => formOf(only(answer)))).toEqual(runs.map((golden) => formOf(only(golden))));
  });

  it('runs a model from the Hub, and verifies it without storing it', async () => {
    const server = await startHub({ 'fairies/tales': fairyRepository(17, { token: 'hf_secret' }) });
    try {
      const asked = JSON.stringify({ ...request, model: 'hub:fairies/tales@main', maxNewTokens: 6 });
      const env = { HF_ENDPOINT: server.endpoint, HF_TOKEN: 'hf_secret' };
      expect(JSON.parse((await run(asked, env)).stdout)).toMatchObject({
        ok: true,
        tokens: sixTokens,
      });
      expect(server.served.every(({ authorization }) => authorization === null)).toBe(true);
      server.misbehave(({ path }) => (path.endsWith('/model.safetensors') ? { wrongByteAt: 6e6 } : null));
      expect(JSON.parse((await run(asked, env)).stdout)).toMatchObject({
        ok: false,
        failure: { code: 'damaged-file', file: 'model.safetensors' },
      });
    } finally {
      await server.stop();
    }
  });

  it('writes answers of any length completely', async () => {
    const requests = Array.from({ length: 6 }, () => ({
      model: 'fairy-lckv',
      backend: 'cpu',
      tokens: [5, 6, 7, 8],
      logits: [0, 1, 2, 3],
      maxNewTokens: 0,
    }));
    const { status, stdout } = await run(JSON.stringify(requests));
    expect(status).toBe(0);
    expect(stdout.length).toBeGreaterThan(500_000);
    expect(JSON.parse(stdout)).toHaveLength(6);
  });

  it('exits with 0 even if answers are failures', async () => {
    const { status, stdout } = await run(JSON.stringify([{ ...request, beam: 4 }]));
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject([
      { ok: false, failure: { code: 'bad-request', field: 'beam' } },
    ]);
  });

  it.each([
    ['not JSON', '{"model":'],
    ['nothing', ''],
    ['a number', '5'],
    ['null', 'null'],
    ['nested 200,000 deep', '['.repeat(200_000) + ']'.repeat(200_000)],
    ['an array of 100,001', `[${'0,'.repeat(100_000)}0]`],
    ['ambiguous about a field', '{"model": "fairy-lckv", "model": "fairy-llama"}'],
  ])(
    'exits with 2, a failure as the answer, and the reason on standard error if the request is %s',
    async (_, input) => {
      const { status, stdout, stderr } = await run(input);
      expect(status).toBe(2);
      expect(JSON.parse(stdout)).toMatchObject({ ok: false, failure: { code: 'bad-request', field: '' } });
      expect(stderr).toMatch(/^headless: the request is /);
      expect(stdout + stderr).not.toContain('file');
    },
  );

  it('can run several times at once', async () => {
    const runs = await Promise.all([1, 2, 3].map(() => run(JSON.stringify({ ...request, maxNewTokens: 1 }))));
    expect(runs.map(({ status }) => status)).toEqual([0, 0, 0]);
  });
});
