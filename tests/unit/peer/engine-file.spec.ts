import { describe, expect, it } from 'vitest';
import { loadBytes, MissingFile } from '../../../worker/peer/engine-file.ts';
import type { Request } from '../../../worker/request.ts';
import type { PeerFile } from '../../../worker/protocol/peer.ts';

const url = 'https://page.example/peer/engine.wasm';
const file: PeerFile = { url, bytes: 5, parts: 1 };

/** Loads a file whose answers are given by address; null is one that the server does not have. */
async function load(wanted: PeerFile, answers: Readonly<Record<string, readonly number[] | null>>) {
  const progress: number[] = [];
  const request: Request = (address) => {
    const bytes = answers[String(address)] ?? null;
    const status = bytes === null ? 404 : 200;
    return Promise.resolve(new Response(bytes && Uint8Array.from(bytes), { status }));
  };
  const bytes = await loadBytes(wanted, request, (loaded) => progress.push(loaded));
  return { bytes: [...bytes], progress };
}

describe('A file of an engine', () => {
  it('is loaded whole, and its parts are put together', async () => {
    expect(await load(file, { [url]: [1, 2, 3, 4, 5] })).toEqual({ bytes: [1, 2, 3, 4, 5], progress: [5] });
    const parts = { [`${url}.part1`]: [1, 2, 3], [`${url}.part2`]: [4, 5] };
    expect(await load({ ...file, parts: 2 }, parts)).toEqual({ bytes: [1, 2, 3, 4, 5], progress: [3, 5] });
  });

  it.each([
    ['shorter', { [url]: [1, 2, 3, 4] }, 'it does not have the 5 bytes that it was built with'],
    ['longer', { [url]: [1, 2, 3, 4, 5, 6] }, 'it does not have the 5 bytes that it was built with'],
    ['absent', {}, 'the server answers 404'],
  ])('that is %s is named, with the reason', async (_, answers, reason) => {
    const failed = load(file, answers);
    await expect(failed).rejects.toThrow(MissingFile);
    await expect(failed).rejects.toMatchObject({ file: 'engine.wasm', reason });
  });

  it('is asked for again when nothing arrives, and is missing when that does not help', async () => {
    const asked: (AbortSignal | null | undefined)[] = [];
    const silentBefore =
      (answered: number): Request =>
      (_, init) => {
        asked.push(init?.signal);
        return asked.length > answered
          ? Promise.resolve(new Response(Uint8Array.of(1, 2, 3, 4, 5)))
          : new Promise((_resolve, reject) => {
              init?.signal?.addEventListener('abort', () => {
                reject(new DOMException('aborted', 'AbortError'));
              });
            });
      };
    const ignore = () => undefined;
    expect([...(await loadBytes(file, silentBefore(1), ignore, 20))]).toEqual([1, 2, 3, 4, 5]);
    expect(asked.map((signal) => signal?.aborted)).toEqual([true, true]);
    asked.length = 0;
    await expect(loadBytes(file, silentBefore(9), ignore, 20)).rejects.toMatchObject({
      file: 'engine.wasm',
      reason: 'nothing arrived for 1 s, twice',
    });
    expect(asked).toHaveLength(2);
  });
});
