import { describe, expect, it } from 'vitest';
import { advise, explain } from '../../../web/ui/explain.ts';
import type { Failure } from '../../../worker/protocol/failure.ts';

/** One failure of every code: the type makes a missing one an error. */
const failures: { readonly [Code in Failure['code']]: Extract<Failure, { code: Code }> } = {
  'no-webgpu': { code: 'no-webgpu', reason: 'navigator.gpu is missing' },
  'limit-too-small': {
    code: 'limit-too-small',
    what: 'kv/layer-0',
    limit: 'maxBufferSize',
    needed: 2,
    available: 1,
  },
  'out-of-memory': { code: 'out-of-memory', what: 'the KV cache', bytes: 3 * 2 ** 30 },
  'device-lost': { code: 'device-lost', reason: 'unplugged' },
  'thread-lost': { code: 'thread-lost' },
  'not-finite': { code: 'not-finite', position: 11, where: 2 },
  'bad-layer-types': { code: 'bad-layer-types', at: 4, reason: 'there is no layer 9' },
  'bad-config': { code: 'bad-config', file: null, field: 'sliding_window', reason: 'below 1' },
  'bad-weights': { code: 'bad-weights', file: 'model.safetensors', reason: 'the header is not JSON' },
  'bad-tokenizer': { code: 'bad-tokenizer', reason: 'no vocabulary' },
  'bad-template': { code: 'bad-template', reason: 'it takes too many steps' },
  'bad-request': { code: 'bad-request', field: 'maxNewTokens', reason: 'below 0' },
  'download-failed': { code: 'download-failed', file: 'config.json', status: 404, reason: 'Not Found' },
  'unreadable-file': { code: 'unreadable-file', file: 'config.json', reason: 'the file was changed' },
  'not-one-model': { code: 'not-one-model', folders: ['a', 'b'], files: [] },
  'hub-refused': {
    code: 'hub-refused',
    repository: 'owner/name',
    endpoint: 'https://huggingface.co',
    why: 'needs-token',
  },
  'damaged-file': { code: 'damaged-file', file: 'model.safetensors', reason: 'its digest is another' },
  'no-room': { code: 'no-room', neededBytes: 3 * 2 ** 30, availableBytes: 2 ** 30 },
  'not-stored': { code: 'not-stored', model: 'owner/name' },
  'no-storage': { code: 'no-storage', reason: 'it is blocked' },
  'storage-lost': { code: 'storage-lost' },
  cancelled: { code: 'cancelled' },
  'export-failed': { code: 'export-failed', file: 'model.safetensors', reason: 'the disk is full' },
  'no-model': { code: 'no-model' },
  stopped: { code: 'stopped' },
  internal: { code: 'internal', reason: 'a shape is wrong' },
};

describe('explain', () => {
  it.each(Object.values(failures).map((failure) => [failure.code, failure] as const))(
    '%s is explained in a sentence, with what to do next',
    (_, failure) => {
      expect(explain(failure)).not.toBe('');
      expect(advise(failure)).toMatch(/^[A-Z].*\.$/);
      expect(explain(failure) + advise(failure)).not.toMatch(/undefined|\[object|NaN/);
    },
  );

  it('names the layer or part and the first position with logits that are not finite', () => {
    const failure = failures['not-finite'];
    expect(explain(failure)).toBe("The model's logits are not finite (layer 2, first at position 11).");
    expect(explain({ ...failure, where: 'head' })).toContain('(head, first at position 11)');
    expect(explain({ ...failure, sequence: 0 })).toContain('(layer 2, first at position 11 of text 1)');
  });

  it('names the layer of a mistake in the agreed words', () => {
    expect(explain(failures['bad-layer-types'])).toBe('Layer 4: there is no layer 9');
  });

  it('gives the status of a download only if a server answered, and calls a missing file missing', () => {
    const failure = failures['download-failed'];
    expect(explain({ ...failure, status: 503 })).toContain('503');
    expect(explain({ ...failure, status: 0, reason: 'no connection' })).toContain('no connection');
    expect(explain(failure)).toBe('config.json is missing: Not Found.');
  });

  it('tells how to be prepared for no network, of models that the page can keep', () => {
    const adviceFor = (file: string, status: number) =>
      advise({ ...failures['download-failed'], file, status });
    expect(adviceFor('fairy-yoco/config.json', 0)).toContain('press “Keep all seven”');
    expect(adviceFor('fairy-yoco/model.safetensors', 0)).toContain('press “Keep all seven”');
    // A server answered; a model from the Hub; a set of the laboratory.
    for (const [file, status] of [
      ['fairy-yoco/config.json', 503],
      ['model.safetensors', 0],
      ['laboratory/models.json', 0],
    ] as const) {
      expect(adviceFor(file, status)).toBe('Check the connection and press Generate to try again.');
    }
  });

  it('says how much room is missing, and how long a server asks to wait', () => {
    expect(explain(failures['no-room'])).toContain('2 GiB are missing');
    const failure = { ...failures['download-failed'], status: 429, retryAfterSec: 300 };
    expect(explain(failure)).toContain('429 and asks to wait 300 s');
  });

  it('distinguishes a wrong name from a wrong token', () => {
    const whys = [
      'no-such-repository',
      'no-such-revision',
      'needs-token',
      'token-is-wrong',
      'not-allowed',
    ] as const;
    const said = whys.map((why) => explain({ ...failures['hub-refused'], why }));
    expect(new Set(said).size).toBe(whys.length);
    for (const why of whys) expect(advise({ ...failures['hub-refused'], why })).toMatch(/^[A-Z].*\.$/);
  });

  it('speaks of a run only where one was asked for', () => {
    for (const field of ['repository', 'revision', 'endpoint']) {
      const refused = explain({ code: 'bad-request', field, reason: 'has a space' });
      expect(refused).toBe(`The ${field} cannot be used: has a space.`);
    }
    expect(explain(failures['bad-request'])).toContain('The run was refused because of maxNewTokens');
  });

  it('lists the first few of many models', () => {
    expect(
      explain({ code: 'not-one-model', folders: ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'], files: [] }),
    ).toContain('a, b, c, d, e and 3 more');
    expect(explain({ code: 'not-one-model', folders: [], files: ['model-q4.gguf'] })).toContain(
      'no config.json among these files (model-q4.gguf)',
    );
  });
});
