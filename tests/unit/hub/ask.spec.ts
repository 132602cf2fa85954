import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ask, askJson, type Question } from '../../../worker/hub/ask.ts';
import { isRedirectLoop, isWebPage, seconds } from '../../../worker/hub/request-failure.ts';
import { Refused } from '../../../worker/outcome.ts';
import {
  body,
  json,
  outcomeOf,
  redirectLoop,
  scripted,
  status,
  unreachable,
  webPage,
  type ScriptedAnswer,
} from './scripted-door.ts';

const list: Question = { path: 'api/models/owner/model', file: null, maxBytes: 1000 };
const lost = 'the server could not be reached, or does not let pages read it';
const utf8 = (text: string) => new TextEncoder().encode(text);

interface Asking {
  readonly question?: Question;
  readonly parse?: (text: string) => unknown;
  readonly stallMs?: number;
}

async function answerTo(answers: readonly ScriptedAnswer[], asking: Asking = {}) {
  const { question = list, parse, stallMs } = asking;
  const { asked, server, waits, options } = scripted(answers);
  const all = { ...options, stallMs };
  const work = parse ? ask(server, question, parse, all) : askJson(server, question, all);
  return { answer: await outcomeOf(work), asked, waits };
}

const unusable = (reason: string, file = 'owner/model') => ({
  ...{ code: 'download-failed', file, status: 0, reason },
});

describe('A question', () => {
  it('goes to the path below the server’s address, with the method and the body that it has', async () => {
    const init = { method: 'POST', body: '{"paths":[]}' };
    const { answer, asked, waits } = await answerTo([json({ a: [1] })], { question: { ...list, init } });
    expect(answer).toEqual({ a: [1] });
    expect(asked.map(({ url }) => url)).toEqual(['https://hub.example/api/models/owner/model']);
    expect(asked[0]?.init).toMatchObject(init);
    expect(waits).toEqual([]);
  });

  it('has an answer of at most the bytes that it allows', async () => {
    const five = () => new Response('[1,2]');
    expect((await answerTo([five], { question: { ...list, maxBytes: 5 } })).answer).toEqual([1, 2]);
    const { answer, asked } = await answerTo([five], { question: { ...list, maxBytes: 4 } });
    expect(answer).toEqual(unusable('the server’s answer has more than 4 bytes'));
    expect(asked).toHaveLength(1);
  });

  it('has an answer whose characters may be cut by chunks', async () => {
    const bytes = utf8('"wörter…"');
    const chunks = [...bytes].map((byte) => Uint8Array.of(byte));
    expect((await answerTo([() => new Response(body(chunks, 'ends'))])).answer).toBe('wörter…');
    const cut = () => new Response(body([bytes.slice(0, 3)], 'ends'));
    expect((await answerTo([cut], { parse: (text) => text })).answer).toBe('"w\ufffd');
  });

  it('may have an answer with the sign of a tag inside', async () => {
    expect((await answerTo([json('a <b>')])).answer).toBe('a <b>');
  });

  it('closes its connections', async () => {
    const { asked } = await answerTo([unreachable, status(200), status(503), json(1)]);
    expect(asked.map(({ init }) => init.signal?.aborted)).toEqual([true, true, true, true]);
  });

  it('may have an empty answer', async () => {
    expect((await answerTo([() => new Response(null)], { parse: (text) => text })).answer).toBe('');
  });
});

describe('An answer that is cut short', () => {
  const cut = () => new Response('{"a": [1');
  const reason = 'the server’s answer is cut short, or is not JSON';

  it('is asked for again', async () => {
    const { answer, waits } = await answerTo([cut, cut, json(7)]);
    expect(answer).toBe(7);
    expect(waits).toEqual([
      [reason, 500],
      [reason, 1000],
    ]);
  });

  it('is given up after three times', async () => {
    const { answer, asked } = await answerTo([cut, cut, cut]);
    expect(answer).toEqual(unusable(reason));
    expect(asked).toHaveLength(3);
  });

  it('is not confused with one that costs too much to read', async () => {
    const { answer, asked } = await answerTo([() => new Response('{"a": 1, "a": 2}')]);
    expect(answer).toEqual(unusable('the server’s answer is of no use: it names "a" twice'));
    expect(asked).toHaveLength(1);
  });

  it('is not confused with one that is of no use', async () => {
    const failure = { code: 'bad-weights', file: 'x', reason: 'no' } as const;
    const { answer, asked } = await answerTo([json(1)], {
      parse: () => {
        throw new Refused(failure);
      },
    });
    expect(answer).toEqual(failure);
    expect(asked).toHaveLength(1);
  });
});

describe('A server without an answer', () => {
  it('is asked again after a while, or after the time that it names', async () => {
    const { answer, waits } = await answerTo([status(503), status(429, { 'retry-after': '3' }), json(1)]);
    expect(answer).toBe(1);
    expect(waits).toEqual([
      ['the server answered 503', 500],
      ['the server answered 429', 3000],
    ]);
  });

  it('is not asked again if it refuses', async () => {
    for (const [file, expected] of [
      [null, { code: 'hub-refused', why: 'no-such-repository' }],
      ['config.json', { code: 'download-failed', file: 'config.json', status: 404, reason: 'status 404' }],
    ] as const) {
      const { answer, asked } = await answerTo([status(404)], { question: { ...list, file } });
      expect(answer).toMatchObject(expected);
      expect(asked).toHaveLength(1);
    }
  });

  it('is asked again if it could not be reached, and does not redirect', async () => {
    const { answer, asked, waits } = await answerTo([unreachable, status(200), json(1)]);
    expect(answer).toBe(1);
    expect(asked.map(({ init }) => init.redirect)).toEqual([undefined, 'manual', undefined]);
    expect(waits).toEqual([[lost, 500]]);
  });

  it('is asked again if the question about redirects fails too', async () => {
    expect((await answerTo([unreachable, unreachable, json(1)])).waits).toEqual([[lost, 500]]);
  });

  it('is given up if it redirects to where nothing answers', async () => {
    const opaque = () => Object.defineProperty(new Response(), 'type', { value: 'opaqueredirect' });
    for (const redirect of [status(300), status(399), opaque]) {
      const { answer, asked } = await answerTo([unreachable, redirect]);
      expect(answer).toMatchObject(unusable(expect.stringContaining('redirects') as string));
      expect(asked).toHaveLength(2);
    }
    const { answer, asked } = await answerTo([redirectLoop]);
    expect(answer).toMatchObject(unusable(expect.stringContaining('redirects in a circle') as string));
    expect(asked).toHaveLength(1);
  });

  it.each([299, 400])('does not redirect with status %i', async (code) => {
    expect((await answerTo([unreachable, status(code), json(1)])).answer).toBe(1);
  });

  it('is not asked about redirects once it has answered', async () => {
    const breaks = () => new Response(body([utf8('[')], 'breaks'));
    const { answer, asked, waits } = await answerTo([breaks, json(1)]);
    expect(answer).toBe(1);
    expect(asked).toHaveLength(2);
    expect(waits).toEqual([[lost, 500]]);
  });

  it('reports a failure of another kind in its own words', async () => {
    const odd: ScriptedAnswer = () => new Error('odd');
    expect((await answerTo([odd, status(200), json(1)])).waits).toEqual([['odd', 500]]);
  });
});

describe('A server that takes its time', () => {
  // A busy machine may be late by more than any of these times.
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
  afterEach(() => void vi.useRealTimers());

  /** What {@link answerTo} gives within a minute of the clock. */
  async function answerInTime(answers: readonly ScriptedAnswer[], asking: Asking) {
    const answering = answerTo(answers, asking);
    await vi.advanceTimersByTimeAsync(60_000);
    return answering;
  }

  it('is given up after twice the time for which it may be silent', async () => {
    const hangs: ScriptedAnswer = (seen) => new Response(body([], 'hangs', seen));
    const { answer, asked, waits } = await answerInTime([hangs, hangs, hangs], { stallMs: 30 });
    expect(answer).toEqual(unusable('the server did not answer within 1 s'));
    expect(waits[0]).toEqual(['nothing arrived for 1 s', 500]);
    expect(asked).toHaveLength(2);
  });

  it('is given up if its answer drips for too long', async () => {
    const drips: ScriptedAnswer = ({ init }) => {
      const stream = new ReadableStream({
        start: (controller) => {
          init.signal?.addEventListener('abort', () => {
            controller.error(init.signal?.reason);
          });
        },
        pull: async (controller) => {
          await new Promise((resolve) => setTimeout(resolve, 5));
          if (!init.signal?.aborted) controller.enqueue(utf8(' '));
        },
      });
      return new Response(stream);
    };
    const { answer, waits } = await answerInTime([drips, drips], { stallMs: 400 });
    expect(waits).toEqual([['the answer took too long', 500]]);
    expect(answer).toEqual(unusable('the server did not answer within 1 s'));
  });
});

describe('A web page instead of an answer', () => {
  it.each<[string, ScriptedAnswer]>([
    ['by its type', webPage],
    ['by its first character', () => new Response('<html>')],
    ['after blanks', () => new Response(' \n<!doctype html>')],
  ])('is recognised %s', async (_, page) => {
    const { answer, asked } = await answerTo([page]);
    expect(answer).toMatchObject({ code: 'hub-refused', why: 'web-page' });
    expect(asked).toHaveLength(1);
  });

  it('has the type text/html, and no other one', () => {
    const typed = (type: string) => new Response('', { headers: { 'content-type': type } });
    expect(['text/html', 'TEXT/HTML; charset=utf-8'].map((type) => isWebPage(typed(type)))).toEqual([
      true,
      true,
    ]);
    const others = ['text/plain', 'text/html5', 'x-text/html', 'application/json'];
    expect(others.map((type) => isWebPage(typed(type)))).toEqual(others.map(() => false));
    expect(isWebPage(new Response(Uint8Array.of(1)))).toBe(false);
  });
});

it('Only a failed request whose cause speaks of redirects is a loop of them', () => {
  const cause = new Error('redirect count exceeded');
  expect(isRedirectLoop(new TypeError('fetch failed', { cause }))).toBe(true);
  expect(isRedirectLoop(new TypeError('fetch failed', { cause: new Error('connection reset') }))).toBe(false);
  expect(isRedirectLoop(new TypeError('fetch failed', { cause: 'redirect count' }))).toBe(false);
  expect(isRedirectLoop(new Error('fetch failed', { cause }))).toBe(false);
});

it('Times are said in whole seconds, and in one at least', () => {
  expect([0, 400, 1499, 1500, 30_000].map(seconds)).toEqual(['1 s', '1 s', '1 s', '2 s', '30 s']);
});

it('A question that is cancelled ends with the person’s reason', async () => {
  const { server, options } = scripted([
    (seen) => {
      setTimeout(() => {
        options.gate.cancel();
      });
      return new Response(body([], 'hangs', seen));
    },
  ]);
  expect(await outcomeOf(askJson(server, list, options))).toEqual({ code: 'cancelled' });
});

it('A question that is paused is asked again when the person resumes, without a wait', async () => {
  const { asked, server, waits, options } = scripted([
    (seen) => {
      setTimeout(() => {
        options.gate.pause();
        setTimeout(() => {
          options.gate.resume();
        });
      });
      return new Response(body([], 'hangs', seen));
    },
    json(1),
  ]);
  expect(await askJson(server, list, options)).toBe(1);
  expect([asked.length, waits]).toEqual([2, []]);
});
