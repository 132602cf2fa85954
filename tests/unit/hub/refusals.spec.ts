import { describe, expect, it } from 'vitest';
import { valueOf } from '../../../worker/outcome.ts';
import { openSpace } from '../../../worker/storage/space.ts';
import {
  everything,
  failureOf,
  hubWith,
  ignore,
  modelAt,
  NAME,
  openLibrary,
  repository,
  WEIGHTS,
} from './fixture.ts';

describe('a server that refuses', () => {
  it.each([
    ['a missing repository', { id: 'owner/absent', token: 'x' }, 'no-such-repository'],
    ['a missing revision', { id: `${NAME}@v9` }, 'no-such-revision'],
    ['a gated repository without a token', { id: 'owner/gated' }, 'needs-token'],
    ['a gated repository with another token', { id: 'owner/gated', token: 'other' }, 'not-allowed'],
  ])('%s is not asked twice, and the reason is reported', async (_, changes, why) => {
    const server = await hubWith({ [NAME]: repository(), 'owner/gated': repository({ token: 'secret' }) });
    const outcome = await openLibrary().download(modelAt(server, changes), ignore);
    expect(failureOf(outcome)).toMatchObject({ code: 'hub-refused', why, endpoint: server.endpoint });
    expect(server.asked).toHaveLength(1);
    expect(JSON.stringify(outcome)).not.toContain('secret');
  });

  it('a token is reported as wrong', async () => {
    const server = await hubWith({ [NAME]: repository() });
    server.misbehave(everything({ status: 401 }));
    expect(failureOf(await openLibrary().download(modelAt(server, { token: 'x' }), ignore))).toMatchObject({
      why: 'token-is-wrong',
    });
  });

  it('a gated model sends it for its token, which goes only to the endpoint and is not stored', async () => {
    const server = await hubWith({ [NAME]: repository({ token: 'secret' }) });
    valueOf(await openLibrary().download(modelAt(server, { token: 'secret' }), ignore));
    expect(server.served.map(({ authorization }) => authorization)).toEqual(server.served.map(() => null));
    expect(server.asked.some(({ authorization }) => authorization === 'Bearer secret')).toBe(true);
    expect(server.asked.every(({ path }) => !path.includes('secret'))).toBe(true);
    for (const name of ['listing', 'manifest', 'mark', 'revision']) {
      const all = await openSpace(`model-${name}-1`, (_): _ is unknown => true).entries();
      expect(JSON.stringify(all)).not.toContain('secret');
    }
  });

  it.each([
    ['config.json', { files: new Map([['model.safetensors', WEIGHTS]]) }],
    ['model.safetensors', { files: new Map([['config.json', new Uint8Array([123, 125])]]) }],
  ])('a model without %s names the file', async (file, changes) => {
    const server = await hubWith({ [NAME]: repository(changes) });
    expect(failureOf(await openLibrary().download(modelAt(server), ignore))).toMatchObject({
      code: 'download-failed',
      file,
      status: 404,
    });
  });

  const json = new TextEncoder().encode('{}');
  it.each([
    ['only GGUF files', ['model-q4.gguf', 'README.md'], 'config.json', 'model-q4.gguf is GGUF'],
    ['only a PyTorch checkpoint', ['config.json', 'pytorch_model.bin'], 'model.safetensors', 'PyTorch'],
    ['only MLX arrays', ['config.json', 'weights.npz'], 'model.safetensors', 'weights.npz is MLX'],
    ['only an adapter', ['adapter_model.safetensors'], 'config.json', 'LoRA adapter'],
    ['weights under another name', ['config.json', 'x.safetensors'], 'model.safetensors', 'another name'],
    ['no index', ['config.json', 'model-00001-of-00002.safetensors'], 'model.safetensors', 'not all'],
  ])('a repository with %s is refused with what it has and what to do', async (_, names, file, said) => {
    const files = new Map(names.map((name) => [name, json]));
    const server = await hubWith({ [NAME]: repository({ files }) });
    expect(failureOf(await openLibrary().download(modelAt(server), ignore))).toMatchObject({
      ...{ code: 'download-failed', file, status: 404 },
      reason: expect.stringContaining(said) as string,
    });
  });

  it.each([
    ['no commit', '{}', /names no commit/],
    ['a commit that is a path', '{"sha": "../../etc"}', /names no commit/],
    ['no JSON', '{"sha": "c0ff', /cut short, or is not JSON/],
  ])('with an answer of %s is reported with that reason', async (_, body, reason) => {
    const server = await hubWith({ [NAME]: repository() });
    const requestsOf = () => () => Promise.resolve(new Response(body));
    expect(failureOf(await openLibrary({ requestsOf }).download(modelAt(server), ignore))).toMatchObject({
      code: 'download-failed',
      reason: expect.stringMatching(reason) as string,
    });
  });
});
