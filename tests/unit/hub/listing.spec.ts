import { describe, expect, it } from 'vitest';
import { hubServer } from '../../../worker/hub/hub-requests.ts';
import { listModel, resolveRevision } from '../../../worker/hub/listing.ts';
import { doorThat, hubModel, json, outcomeOf, patient, type Seen } from './scripted-door.ts';

const COMMIT = 'c0ffee'.padEnd(40, '0');
const [SHA1, SHA256] = ['1'.repeat(40), '2'.repeat(64)];
const MIB = 2 ** 20;
const WEIGHTS = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';

const small = (path: string, size = 7) => ({ type: 'file', path, size, oid: SHA1 });
const large = (path: string, size = 1000) => ({
  ...{ type: 'file', path, size: 130, oid: SHA1 },
  lfs: { oid: SHA256, size, pointerSize: 130 },
});
const listedSmall = (name: string, sizeBytes = 7) => ({ name, sizeBytes, sha256: null, gitBlobId: SHA1 });
const listedLarge = (name: string, sizeBytes = 1000) => ({
  name,
  sizeBytes,
  sha256: SHA256,
  gitBlobId: null,
});

interface Answers {
  readonly revision?: unknown;
  /** What the server has; it gives all of it, whatever it is asked for. */
  readonly paths?: unknown;
  readonly index?: unknown;
  /** The index as it is sent. */
  readonly text?: string;
}

const whole = [small('config.json'), large(WEIGHTS)];

/** What the library finds at a server with these answers, and the paths that it asked for. */
async function listed({
  revision = { sha: COMMIT },
  paths = whole,
  index = {},
  text = JSON.stringify(index),
}: Answers) {
  const { asked, requestsOf } = doorThat(({ url }) =>
    url.includes('/revision/')
      ? json(revision)()
      : url.includes('/paths-info/')
        ? json(paths)()
        : new Response(text),
  );
  const { options } = patient();
  const listing = await outcomeOf(listModel(hubServer(hubModel, requestsOf), options));
  return { listing, asked };
}

/** The JSON that a request carries. */
function sentTo(seen: Seen | undefined): unknown {
  const body = seen?.init.body;
  return typeof body === 'string' ? JSON.parse(body) : undefined;
}

const unusable = (file: string, reason: string) => ({ code: 'download-failed', file, status: 0, reason });

describe('The files of a model', () => {
  it('are those that a model needs, with their sizes and digests, at the commit of the revision', async () => {
    const more = [small('generation_config.json'), large('tokenizer.json', 9), small('chat_template.jinja')];
    const { listing, asked } = await listed({ paths: [large(WEIGHTS), ...more, small('config.json', 0)] });
    expect(listing).toEqual({
      ...{ endpoint: 'https://hub.example', repository: 'owner/model', revision: 'main', commit: COMMIT },
      files: [
        listedSmall('config.json', 0),
        listedSmall('generation_config.json'),
        listedLarge('tokenizer.json', 9),
        listedSmall('chat_template.jinja'),
        listedLarge(WEIGHTS),
      ],
    });
    expect(asked.map(({ url }) => url)).toEqual([
      'https://hub.example/api/models/owner/model/revision/main',
      `https://hub.example/api/models/owner/model/paths-info/${COMMIT}`,
    ]);
    const { method, headers } = asked[1]?.init ?? {};
    expect([method, headers]).toEqual(['POST', { 'content-type': 'application/json' }]);
    expect(sentTo(asked[1])).toEqual({
      paths: [
        ...['config.json', 'generation_config.json', 'tokenizer.json', 'tokenizer_config.json'],
        ...['chat_template.jinja', WEIGHTS, INDEX, 'kernels.safetensors'],
      ],
    });
  });

  it('are the whole weights if there are both whole ones and an index', async () => {
    const { listing } = await listed({ paths: [...whole, small(INDEX)] });
    expect(listing).toMatchObject({ files: [listedSmall('config.json'), listedLarge(WEIGHTS)] });
  });

  it('are the index and its shards if there are no whole weights', async () => {
    const index = { weight_map: { a: 'one.safetensors', b: 'two.safetensors', c: 'one.safetensors' } };
    const paths = [small('config.json'), small(INDEX), large('one.safetensors'), large('two.safetensors')];
    const { listing, asked } = await listed({ paths, index });
    expect(listing).toMatchObject({
      files: [
        ...[listedSmall('config.json'), listedSmall(INDEX)],
        ...[listedLarge('one.safetensors'), listedLarge('two.safetensors')],
      ],
    });
    expect(asked[2]?.url).toBe(`https://hub.example/owner/model/resolve/${COMMIT}/${INDEX}`);
    expect(sentTo(asked[3])).toEqual({
      paths: ['one.safetensors', 'two.safetensors'],
    });
  });

  it('include kernels of LESS, which may be as large as weights', async () => {
    const kernels = large('kernels.safetensors', 300 * MIB);
    const { listing } = await listed({ paths: [...whole, kernels] });
    expect(listing).toHaveProperty('files', [
      listedSmall('config.json'),
      listedLarge(WEIGHTS),
      listedLarge('kernels.safetensors', 300 * MIB),
    ]);
  });

  it('leave out directories, files that nobody asked for, and entries that are none', async () => {
    const noise = [7, null, 'config.json', { type: 'file', path: 5 }, small('README.md')];
    const directory = { ...small('tokenizer.json'), type: 'directory' };
    const { listing } = await listed({ paths: [...noise, directory, ...whole] });
    expect(listing).toMatchObject({ files: [listedSmall('config.json'), listedLarge(WEIGHTS)] });
  });

  it('need no id of git', async () => {
    const { listing } = await listed({
      paths: [{ type: 'file', path: 'config.json', size: 7 }, large(WEIGHTS)],
    });
    expect(listing).toMatchObject({ files: [{ ...listedSmall('config.json'), gitBlobId: null }, {}] });
  });

  it.each([
    ['config.json', 128 * MIB],
    ['tokenizer.json', 128 * MIB],
  ])('%s may have %i bytes, and no more', async (name, most) => {
    const others = whole.filter(({ path }) => path !== name);
    expect((await listed({ paths: [...others, large(name, most)] })).listing).toHaveProperty('files');
    expect((await listed({ paths: [...others, large(name, most + 1)] })).listing).toEqual(
      unusable(name, `it has ${most + 1} bytes, more than ${most}`),
    );
  });

  it('an index may have 64 MiB, and no more', async () => {
    const [config] = whole;
    const index = { weight_map: { a: 'one.safetensors' } };
    const withIndex = (size: number) => [config, large('one.safetensors'), large(INDEX, size)];
    expect((await listed({ paths: withIndex(64 * MIB), index })).listing).toHaveProperty('files');
    expect((await listed({ paths: withIndex(64 * MIB + 1), index })).listing).toEqual(
      unusable(INDEX, `it has ${64 * MIB + 1} bytes, more than ${64 * MIB}`),
    );
  });

  it('weights may have any size', async () => {
    const { listing } = await listed({ paths: [small('config.json'), large(WEIGHTS, 2 ** 40)] });
    expect(listing).toMatchObject({ files: [{}, { sizeBytes: 2 ** 40 }] });
  });
});

describe('A model that lacks a file', () => {
  const names = (...all: string[]) => ({ sha: COMMIT, siblings: all.map((rfilename) => ({ rfilename })) });

  it('without config.json is refused, with what it has instead', async () => {
    const { listing } = await listed({ paths: [large(WEIGHTS)], revision: names('model-q4.gguf') });
    expect(listing).toMatchObject({
      ...{ code: 'download-failed', file: 'config.json', status: 404 },
      reason: expect.stringMatching(/^there is no such file.*model-q4\.gguf is GGUF/s) as string,
    });
    expect((await listed({ paths: [] })).listing).toMatchObject({ reason: 'there is no such file' });
  });

  it('without weights is refused, with what it has instead', async () => {
    const { listing } = await listed({ paths: [small('config.json')], revision: names('weights.npz') });
    expect(listing).toMatchObject({
      ...{ code: 'download-failed', file: WEIGHTS, status: 404 },
      reason: expect.stringMatching(/^there is neither .*weights\.npz is MLX/s) as string,
    });
  });

  it('understands a list of files that is none as empty', async () => {
    const [paths, reason] = [[], 'there is no such file'];
    for (const siblings of [null, 'x.gguf', { rfilename: 'x.gguf' }, [{ rfilename: 5 }, 7, {}]]) {
      const { listing } = await listed({ paths, revision: { sha: COMMIT, siblings } });
      expect(listing).toMatchObject({ reason });
    }
  });

  it('without a shard that its index names is refused', async () => {
    const index = { weight_map: { a: 'one.safetensors', b: 'two.safetensors' } };
    const paths = [small('config.json'), small(INDEX), large('one.safetensors')];
    expect((await listed({ paths, index })).listing).toEqual({
      ...{ code: 'bad-weights', file: INDEX, reason: 'it names two.safetensors, which is not there' },
    });
  });

  it('may have an index of 20,000 tensors, as mixtures of experts do', async () => {
    const paths = [small('config.json'), small(INDEX), large('one.safetensors')];
    const tensors = Array.from({ length: 20_000 }, (_, i) => [`t${i}`, 'one.safetensors'] as const);
    const index = { metadata: { total_size: 5 }, weight_map: Object.fromEntries(tensors) };
    expect((await listed({ paths, index })).listing).toHaveProperty('files.length', 3);
  });

  it('is refused at once if its index is of no use, and asked again if its index is cut short', async () => {
    const paths = [small('config.json'), small(INDEX)];
    const useless = await listed({ paths, index: { weight_map: {} } });
    expect(useless.listing).toEqual({
      ...{ code: 'bad-weights', file: INDEX, reason: 'its weight_map names no tensor' },
    });
    expect(useless.asked).toHaveLength(3);
    const pointer = await listed({ paths, text: 'version https://git-lfs.github.com/spec/v1\n' });
    expect(pointer.listing).toMatchObject({
      ...{ code: 'bad-weights', reason: expect.stringContaining('LFS') as string },
    });
    const cut = await listed({ paths, text: '{"weight_map": {"a": "one.safe' });
    expect(cut.listing).toEqual(unusable(INDEX, 'the server’s answer is cut short, or is not JSON'));
    expect(cut.asked).toHaveLength(2 + 3);
  });
});

describe('A list of files', () => {
  it('that is none is refused', async () => {
    expect((await listed({ paths: { 0: whole[0], length: 1 } })).listing).toEqual(
      unusable('owner/model', 'the server’s list of files is not a list'),
    );
  });

  it('that names a file twice is refused if the two differ', async () => {
    const twice = (entry: object) => listed({ paths: [...whole, entry] });
    const reason = 'the server lists it twice, with different sizes or digests';
    expect((await twice(large(WEIGHTS, 999))).listing).toEqual(unusable(WEIGHTS, reason));
    expect((await twice(small('config.json', 8))).listing).toEqual(unusable('config.json', reason));
    expect((await twice(large(WEIGHTS))).listing).toMatchObject({ commit: COMMIT });
  });

  it('gives no file outside the folder of the model', async () => {
    const strange = ['../config.json', '/config.json', 'a/config.json', './config.json', 'config.json/', ''];
    const { listing } = await listed({ paths: [...whole, ...strange.map((path) => small(path, 9))] });
    expect(listing).toMatchObject({ files: [listedSmall('config.json'), listedLarge(WEIGHTS)] });
  });

  it.each([
    ['a size below zero', { ...small('config.json'), size: -1 }],
    ['a fractional size', { ...small('config.json'), size: 1.5 }],
    ['a size that is a text', { ...small('config.json'), size: '7' }],
    ['no size', { ...small('config.json'), size: undefined }],
    ['a size beyond whole numbers', { ...small('config.json'), size: 2 ** 53 }],
    ['no size in LFS or beside it', { type: 'file', path: 'config.json', lfs: { oid: SHA256 } }],
  ])('with %s is refused', async (_, entry) => {
    expect((await listed({ paths: [entry] })).listing).toEqual(
      unusable('config.json', 'the server does not say how large it is'),
    );
  });

  it.each([
    ['too short', SHA256.slice(1)],
    ['too long', `${SHA256}2`],
    ['not hexadecimal', `g${SHA256.slice(1)}`],
    ['in capitals', 'A'.repeat(64)],
    ['a number', 5],
    ['missing', undefined],
  ])('with a SHA-256 that is %s is refused', async (_, oid) => {
    const entry = { ...large(WEIGHTS), lfs: { oid, size: 1000 } };
    expect((await listed({ paths: [small('config.json'), entry] })).listing).toEqual(
      unusable(WEIGHTS, 'the server’s digest of it is not a SHA-256'),
    );
  });

  it.each([
    ['too short', SHA1.slice(1)],
    ['too long', `${SHA1}1`],
    ['not hexadecimal', `${SHA1.slice(1)}x`],
    ['a number', 5],
  ])('with an id of git that is %s is refused', async (_, oid) => {
    expect((await listed({ paths: [{ ...small('config.json'), oid }] })).listing).toEqual(
      unusable('config.json', 'the server’s digest of it is not an id of git'),
    );
  });
});

describe('A revision', () => {
  const resolved = (answer: unknown, id = 'owner/model@refs/pr/1') => {
    const { asked, requestsOf } = doorThat(() => json(answer)());
    const { options } = patient();
    return { asked, found: outcomeOf(resolveRevision(hubServer({ ...hubModel, id }, requestsOf), options)) };
  };

  it('is asked for by its escaped name, and stands for a commit', async () => {
    const { asked, found } = resolved({ sha: 'abc1234' });
    expect(await found).toEqual({ repository: 'owner/model', commit: 'abc1234', names: [] });
    expect(asked.map(({ url }) => url)).toEqual([
      'https://hub.example/api/models/owner/model/revision/refs%2Fpr%2F1',
    ]);
  });

  it('has the name that the server gives the repository', async () => {
    expect(await resolved({ sha: COMMIT, id: 'New/Name' }).found).toMatchObject({ repository: 'New/Name' });
    const { listing } = await listed({ revision: { sha: COMMIT, id: 'New/Name' } });
    expect(listing).toMatchObject({ repository: 'New/Name', commit: COMMIT });
  });

  it.each([null, [], 'text', {}, { sha: 5 }, { sha: 'abc123' }, { sha: 'a'.repeat(65) }, { sha: 'ABC1234' }])(
    'without a commit is refused: %j',
    async (answer) => {
      expect(await resolved(answer).found).toEqual(
        unusable('owner/model', 'the server’s answer names no commit'),
      );
    },
  );

  it.each(['abc1234 ', ' abc1234', 'abc1234\n'])('with the commit %j is refused', async (sha) => {
    expect(await resolved({ sha }).found).toMatchObject({ code: 'download-failed' });
  });

  it.each([5, 'name', 'a/b/c', '../x', ''])('of a repository that is called %j is refused', async (id) => {
    expect(await resolved({ sha: COMMIT, id }).found).toEqual(
      unusable('owner/model', 'the server’s answer does not name the repository as owner/name'),
    );
  });
});
