import { describe, expect, it } from 'vitest';
import { readPastedAddress } from '../../../web/panels/hub/pasted-address.ts';

const HUB = 'https://huggingface.co';

describe('a pasted address', () => {
  it.each([
    ['https://huggingface.co/owner/name', 'owner/name'],
    ['  https://huggingface.co/owner/name/  ', 'owner/name'],
    ['huggingface.co/owner/name', 'owner/name'],
    ['https://hf.co/owner/name', 'owner/name'],
    ['https://huggingface.co/owner/name/tree/main', 'owner/name'],
    ['https://huggingface.co/owner/name/tree/v2', 'owner/name@v2'],
    ['https://huggingface.co/owner/name/blob/3f2a91c/config.json', 'owner/name@3f2a91c'],
    ['https://huggingface.co/owner/name/resolve/v2/model.safetensors?download=true', 'owner/name@v2'],
    ['https://huggingface.co/owner/name/tree/refs%2Fpr%2F1', 'owner/name@refs/pr/1'],
    ['https://huggingface.co/owner/name/tree/refs/pr/1/onnx', 'owner/name@refs/pr/1'],
    ['https://huggingface.co/owner/name/discussions/4#top', 'owner/name'],
  ])('%s names %s', (text, repository) => {
    expect(readPastedAddress(text, HUB)).toEqual({ repository, endpoint: HUB });
  });

  it('names its own server, and one below a path only if that is entered', () => {
    expect(readPastedAddress('https://mirror.example/a/b', HUB)).toEqual({
      repository: 'a/b',
      endpoint: 'https://mirror.example',
    });
    expect(readPastedAddress('https://mirror.example/hf/a/b', 'https://mirror.example/hf/')).toEqual({
      repository: 'a/b',
      endpoint: 'https://mirror.example/hf',
    });
    expect(readPastedAddress('http://127.0.0.1:8080/a/b', HUB)?.endpoint).toBe('http://127.0.0.1:8080');
  });

  it.each([
    'owner/name',
    'owner/name@v2',
    '',
    'https://huggingface.co/owner',
    'https://huggingface.co/datasets/owner/name',
    'https://huggingface.co/spaces/owner/name',
    'https://user:secret@huggingface.co/owner/name',
    'http://huggingface.co/owner/name',
    'javascript://huggingface.co/owner/name',
    'file:///owner/name',
    'https://huggingface.co/owner/na%ZZme',
    'https://',
  ])('“%s” is left to the field as it is', (text) => {
    expect(readPastedAddress(text, HUB)).toBeNull();
  });
});
