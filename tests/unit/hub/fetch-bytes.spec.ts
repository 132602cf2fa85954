import { describe, expect, it } from 'vitest';
import { fetchBytes } from '../../../worker/hub/fetch-bytes.ts';
import type { ListedFile } from '../../../worker/hub/listing.ts';
import {
  body,
  outcomeOf,
  redirectLoop,
  scripted,
  status,
  unreachable,
  webPage,
  type ScriptedAnswer,
} from './scripted-door.ts';

const BYTES = Uint8Array.from({ length: 100 }, (_, i) => i + 1);
const file: ListedFile = { name: 'a b.bin', sizeBytes: 100, sha256: null, gitBlobId: null };

/** Answers with bytes from `start` on, in chunks of 20, as part of the file if it is asked for one. */
const sends =
  (
    start: number,
    { to = 100, then = 'ends', headers = {}, whole = false }: Partial<Sending> = {},
  ): ScriptedAnswer =>
  (seen) => {
    const chunks = [];
    for (let at = start; at < to; at += 20) chunks.push(BYTES.slice(at, Math.min(to, at + 20)));
    const partial = seen.range !== null && !whole;
    const range = partial ? { 'content-range': `bytes ${start}-99/100` } : {};
    return new Response(body(chunks, then, seen), {
      status: partial ? 206 : 200,
      headers: { ...range, ...headers },
    });
  };

interface Sending {
  readonly to: number;
  readonly then: 'ends' | 'breaks' | 'hangs';
  readonly headers: Readonly<Record<string, string>>;
  /** Whether it ignores the range. */
  readonly whole: boolean;
}

interface Fetching {
  readonly start?: number;
  readonly end?: number;
  readonly stallMs?: number;
  readonly onChunk?: (received: number, gate: ReturnType<typeof scripted>['options']['gate']) => void;
}

async function fetched(answers: readonly ScriptedAnswer[], fetching: Fetching = {}) {
  const { start = 0, end = 100, stallMs, onChunk } = fetching;
  const { asked, server, waits, options } = scripted(answers);
  const got: number[] = [];
  const work = async () => {
    const all = { ...options, server, commit: 'c0ffee', stallMs };
    for await (const chunk of fetchBytes(file, start, end, all)) {
      expect(chunk.length).toBeGreaterThan(0);
      got.push(...chunk);
      onChunk?.(got.length, options.gate);
    }
  };
  const failure = await outcomeOf(work());
  return { got, failure, waits, asked, ranges: asked.map(({ range }) => range) };
}

const all = [...BYTES];
const lost = 'the server could not be reached, or does not let pages read it';

describe('The bytes of a file', () => {
  it('come from its address at the commit, without a range if all are wanted', async () => {
    const { got, asked, ranges, waits } = await fetched([sends(0)]);
    expect(got).toEqual(all);
    expect(asked.map(({ url }) => url)).toEqual(['https://hub.example/owner/model/resolve/c0ffee/a%20b.bin']);
    expect([ranges, waits]).toEqual([[null], []]);
  });

  it.each([
    [10, 100, 'bytes=10-99'],
    [0, 50, 'bytes=0-49'],
    [30, 31, 'bytes=30-30'],
  ])('from %i to %i are asked for by range', async (start, end, range) => {
    const { got, ranges } = await fetched([sends(start, { to: end })], { start, end });
    expect(got).toEqual(all.slice(start, end));
    expect(ranges).toEqual([range]);
  });

  it('are asked for only if there are any', async () => {
    expect((await fetched([], { start: 40, end: 40 })).asked).toEqual([]);
  });

  it('are taken from a whole answer if the server ignores the range', async () => {
    for (const [start, end] of [
      [30, 100],
      [30, 50],
      [0, 50],
    ] as const) {
      const { got, asked } = await fetched([sends(0, { whole: true })], { start, end });
      expect(got).toEqual(all.slice(start, end));
      expect(asked).toHaveLength(1);
      expect(asked[0]?.init.signal?.aborted, 'the connection is closed').toBe(true);
    }
  });

  it('end where they should, even if the server sends more of the file', async () => {
    const { got, failure } = await fetched([sends(10)], { start: 10, end: 45 });
    expect(got).toEqual(all.slice(10, 45));
    expect(failure).toBeUndefined();
  });

  it('continue with Range after every cut, and each cut waits as the first one does', async () => {
    const { got, ranges, waits } = await fetched([
      sends(0, { to: 30, then: 'breaks' }),
      sends(30, { to: 60, then: 'breaks' }),
      sends(60),
    ]);
    expect(got).toEqual(all);
    expect(ranges).toEqual([null, 'bytes=30-99', 'bytes=60-99']);
    expect(waits).toEqual([
      [lost, 500],
      [lost, 500],
    ]);
  });

  it('continue after a connection that ends early', async () => {
    const { got, ranges, waits } = await fetched([sends(0, { to: 30 }), sends(30)]);
    expect(got).toEqual(all);
    expect(ranges).toEqual([null, 'bytes=30-99']);
    expect(waits).toEqual([['the connection ended early', 500]]);
  });

  it('continue after nothing has arrived for too long', async () => {
    const { got, waits } = await fetched([sends(0, { to: 40, then: 'hangs' }), sends(40)], { stallMs: 20 });
    expect(got).toEqual(all);
    expect(waits).toEqual([['nothing arrived for 1 s', 500]]);
  });

  it('fail after six answers without bytes', async () => {
    const { failure, asked, waits } = await fetched(Array<ScriptedAnswer>(6).fill(sends(0, { to: 0 })));
    expect(failure).toEqual({
      ...{ code: 'download-failed', file: 'a b.bin', status: 0 },
      reason: 'the connection ended early',
    });
    expect(asked).toHaveLength(6);
    expect(waits.map(([, ms]) => ms)).toEqual([500, 1000, 2000, 4000, 8000]);
  });
});

describe('A server that cannot give parts', () => {
  const noParts = 'the server does not give parts of this file';

  it('is asked for the whole file after status 416', async () => {
    const { got, ranges, waits } = await fetched([status(416), sends(0)], { start: 10 });
    expect(got).toEqual(all.slice(10));
    expect(ranges).toEqual(['bytes=10-99', null]);
    expect(waits).toEqual([[noParts, 500]]);
  });

  it('is asked for the whole file if it compresses the part', async () => {
    const zipped = sends(10, { headers: { 'content-encoding': 'gzip' } });
    const { got, ranges, waits } = await fetched([zipped, sends(0)], { start: 10 });
    expect(got).toEqual(all.slice(10));
    expect(ranges).toEqual(['bytes=10-99', null]);
    expect(waits).toEqual([[noParts, 500]]);
  });

  it('may compress the whole file, and may say that it does not compress the part', async () => {
    const whole = sends(0, { headers: { 'content-encoding': 'gzip' } });
    expect((await fetched([whole])).got).toEqual(all);
    expect(
      (await fetched([sends(0, { whole: true, headers: { 'content-encoding': 'br' } })], { start: 10 })).got,
    ).toEqual(all.slice(10));
    const plain = sends(10, { headers: { 'content-encoding': 'identity' } });
    expect((await fetched([plain], { start: 10 })).waits).toEqual([]);
  });

  it('is asked for the whole file after two requests for a part without any answer', async () => {
    const { got, ranges } = await fetched([unreachable, unreachable, sends(0)], { start: 10 });
    expect(got).toEqual(all.slice(10));
    expect(ranges).toEqual(['bytes=10-99', 'bytes=10-99', null]);
  });

  it('is asked for the part as long as it answers', async () => {
    const cut = sends(10, { to: 10, then: 'breaks' });
    const { got, ranges } = await fetched([cut, cut, cut, sends(10)], { start: 10 });
    expect(got).toEqual(all.slice(10));
    expect(ranges).toEqual(Array<string>(4).fill('bytes=10-99'));
  });

  it('is asked for the whole file at most once more if it answers 416 to that as well', async () => {
    const { failure, asked } = await fetched([status(416), status(416)], { start: 10 });
    expect(failure).toMatchObject({ code: 'download-failed', status: 416 });
    expect(asked).toHaveLength(2);
  });
});

describe('A server that sends something else', () => {
  const refusal = (reason: string) => ({ code: 'download-failed', file: 'a b.bin', status: 0, reason });
  const range = (value: string) => sends(10, { headers: { 'content-range': value } });

  it.each([
    ['bytes 11-99/100', 'the server sends byte 11 first, not byte 10'],
    ['bytes 10-99/101', 'the server says that it has 101 bytes, and lists 100'],
    ['bytes 110-199/100', 'the server sends byte 110 first, not byte 10'],
  ])('is refused if its range is %s', async (header, reason) => {
    const { failure, asked } = await fetched([range(header)], { start: 10 });
    expect(failure).toEqual(refusal(reason));
    expect(asked).toHaveLength(1);
  });

  it.each(['bytes */100', 'x bytes 11-99/100', 'bytes 11-99/100 x', 'bytes 11-99/*', ''])(
    'is believed if its range is %j, which says nothing',
    async (header) => {
      expect((await fetched([range(header)], { start: 10 })).got).toEqual(all.slice(10));
    },
  );

  it('is refused if it sends more bytes than it lists', async () => {
    const more = () => new Response(new Uint8Array(101));
    const { failure } = await fetched([more]);
    expect(failure).toEqual(refusal('the server sends more than the 100 bytes that it lists'));
  });

  it('is refused if it sends a web page', async () => {
    const { failure, asked } = await fetched([webPage]);
    expect(failure).toMatchObject({ code: 'hub-refused', why: 'web-page' });
    expect(asked).toHaveLength(1);
  });

  it.each([
    [404, { code: 'download-failed', file: 'a b.bin', status: 404, reason: 'status 404' }],
    [401, { code: 'hub-refused', why: 'needs-token' }],
  ])('is not asked again after status %i', async (code, expected) => {
    const { failure, asked } = await fetched([status(code)]);
    expect(failure).toMatchObject(expected);
    expect(asked).toHaveLength(1);
  });

  it('is asked again after a while if it is busy, or after the time that it names', async () => {
    const { got, waits } = await fetched([status(503), status(429, { 'retry-after': '7' }), sends(0)]);
    expect(got).toEqual(all);
    expect(waits).toEqual([
      ['the server answered 503', 500],
      ['the server answered 429', 7000],
    ]);
  });
});

describe('Redirects that lead nowhere', () => {
  const nowhere = expect.stringContaining('redirects in a circle') as string;

  it('end a download at once if the platform says that they go in a circle', async () => {
    const { failure, asked } = await fetched([redirectLoop]);
    expect(failure).toMatchObject({ code: 'download-failed', status: 0, reason: nowhere });
    expect(asked).toHaveLength(1);
  });

  it('end it after two requests in a row that only redirected', async () => {
    const { failure, asked, waits } = await fetched([unreachable, status(302), unreachable, status(302)]);
    expect(failure).toMatchObject({ code: 'download-failed', file: 'a b.bin', reason: nowhere });
    expect(asked.map(({ init }) => init.redirect)).toEqual([undefined, 'manual', undefined, 'manual']);
    expect(waits).toHaveLength(1);
  });

  it('do not end it if a request in between was not redirected', async () => {
    const pairs = [302, 200, 302].flatMap((code) => [unreachable, status(code)]);
    expect((await fetched([...pairs, sends(0)])).got).toEqual(all);
  });

  it('are not looked for after a stall, or once the server has answered', async () => {
    const stalls: ScriptedAnswer = (seen) => new Response(body([], 'hangs', seen));
    expect((await fetched([stalls, sends(0)], { stallMs: 20 })).asked).toHaveLength(2);
    expect((await fetched([sends(0, { to: 0, then: 'breaks' }), sends(0)])).asked).toHaveLength(2);
  });
});

describe('A person', () => {
  it('pauses a download, which continues with Range and without a wait', async () => {
    const { got, ranges, waits } = await fetched([sends(0, { to: 40, then: 'hangs' }), sends(40)], {
      onChunk: (received, gate) => {
        if (received !== 40) return;
        gate.pause();
        setTimeout(() => {
          gate.resume();
        });
      },
    });
    expect(got).toEqual(all);
    expect(ranges).toEqual([null, 'bytes=40-99']);
    expect(waits).toEqual([]);
  });

  it('cancels a download, which asks for nothing more', async () => {
    const { got, failure, asked } = await fetched([sends(0, { to: 40, then: 'hangs' })], {
      onChunk: (received, gate) => {
        if (received === 40) gate.cancel();
      },
    });
    expect(failure).toEqual({ code: 'cancelled' });
    expect(got).toEqual(all.slice(0, 40));
    expect(asked).toHaveLength(1);
  });
});
