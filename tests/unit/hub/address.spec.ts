import { describe, expect, it } from 'vitest';
import { parseEndpoint, parseReference } from '../../../worker/hub/address.ts';
import { Refused } from '../../../worker/outcome.ts';

describe('the name of a repository', () => {
  it.each([
    ['whynlp/tinyllama-lckv-w2-ft-100b', 'whynlp/tinyllama-lckv-w2-ft-100b', 'main'],
    [' HuggingFaceTB/SmolLM2-135M-Instruct ', 'HuggingFaceTB/SmolLM2-135M-Instruct', 'main'],
    ['Qwen/Qwen3-0.6B@v1.0', 'Qwen/Qwen3-0.6B', 'v1.0'],
    ['a/b@refs/pr/12', 'a/b', 'refs/pr/12'],
    ['a/b@3f2a91c', 'a/b', '3f2a91c'],
  ])('%s is read', (text, repository, revision) => {
    expect(parseReference(text)).toEqual({ repository, revision });
  });

  it.each([
    '',
    'owner',
    'owner/',
    '/name',
    'owner/name/deeper',
    '../name',
    'owner/..',
    'owner/na..me',
    'owner/na--me',
    '-owner/name',
    'owner/name.',
    'owner/name@',
    'owner/name@a@b',
    'owner/name@../../secret',
    'owner/name@a//b',
    'owner/name@a/.git',
    'owner/name@-rf',
    'owner/name?token=x',
    'owner/name#x',
    'owner/name%2f..',
    'owner\\name/x',
    'https://evil.example/owner/name',
    'owner/<img src=x>',
    'owner/na me',
    'owner/name\u0000',
    'ówner/name',
    `owner/${'n'.repeat(200)}`,
    `owner/name@${'r'.repeat(300)}`,
  ])('%j is refused', (text) => {
    expect(() => parseReference(text)).toThrow(/"field":"repository"/);
  });
});

it('a reference has at most 500 characters, blanks included', () => {
  expect(parseReference('a/b'.padEnd(500))).toEqual({ repository: 'a/b', revision: 'main' });
  expect(() => parseReference('a/b'.padEnd(501))).toThrow(/"field":"repository"/);
});

describe('a refusal', () => {
  const refusalOf = (text: string) => {
    try {
      return parseReference(text);
    } catch (error) {
      return error instanceof Refused ? error.failure : error;
    }
  };
  const refused = (reason: string) => ({ code: 'bad-request', field: 'repository', reason });
  const form = 'is not of the form owner/name or owner/name@revision';

  it('quotes what it refuses', () => {
    expect(refusalOf('owner')).toEqual(refused(`“owner” ${form}`));
    expect(refusalOf('a/b@-rf')).toEqual(refused('“-rf” cannot be a branch, a tag or a commit'));
  });

  it('quotes at most 60 characters', () => {
    expect(refusalOf('x'.repeat(60))).toEqual(refused(`“${'x'.repeat(60)}” ${form}`));
    expect(refusalOf('x'.repeat(61))).toEqual(refused(`“${'x'.repeat(60)}…” ${form}`));
  });
});

describe('the address of a server', () => {
  it.each([
    ['https://huggingface.co', 'https://huggingface.co'],
    ['https://huggingface.co///', 'https://huggingface.co'],
    [' https://mirror.example:8443/hf/ ', 'https://mirror.example:8443/hf'],
    ['http://127.0.0.1:8000', 'http://127.0.0.1:8000'],
    ['http://localhost:8000/', 'http://localhost:8000'],
  ])('%s is read', (text, endpoint) => {
    expect(parseEndpoint(text)).toBe(endpoint);
  });

  it.each([
    '',
    'huggingface.co',
    'http://mirror.example',
    'http://127.0.0.1.example',
    'http://localhost.example',
    'https://user@mirror.example',
    'https://user:secret@mirror.example',
    'https://mirror.example/?a=b',
    'https://mirror.example/#a',
    'javascript:alert(1)',
    'data:text/plain,x',
    'blob:https://mirror.example/x',
    'file:///etc/hostname',
    '//mirror.example',
  ])('%j is refused', (text) => {
    expect(() => parseEndpoint(text)).toThrow(/"field":"endpoint"/);
  });
});
