import { describe, expect, it } from 'vitest';
import { GitBlobId, Sha256 } from '../../../worker/hub/digest.ts';

const utf8 = (text: string) => new TextEncoder().encode(text);
const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const ABC = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';

describe('SHA-256', () => {
  it('has the published digests, whether the bytes come at once or not', async () => {
    const hash = await Sha256.create();
    expect(hash.digest()).toBe(EMPTY);
    hash.add(utf8('a'));
    hash.add(utf8('bc'));
    expect(hash.digest()).toBe(ABC);
    expect(hash.digest(), 'asked again').toBe(ABC);
  });

  it('continues from a saved state, in another place', async () => {
    const [one, other] = [await Sha256.create(), await Sha256.create()];
    one.add(utf8('ab'));
    other.resume(one.save());
    other.add(utf8('c'));
    expect(other.digest()).toBe(ABC);
  });
});

it('The id of a file is the one that git gives it', async () => {
  // printf 'hello\n' | git hash-object --stdin
  const hash = await GitBlobId.create(6);
  hash.add(utf8('hel'));
  hash.add(utf8('lo\n'));
  expect(hash.digest()).toBe('ce013625030ba8dba906f756967f9e9ca394464a');
});
