import { describe, expect, it, vi } from 'vitest';
import { succeed } from '../../../worker/outcome.ts';
import { GuardedText, type TextPlace } from '../../../worker/text/guarded-text.ts';
import { LiveText } from '../../../worker/text/live-text.ts';
import { placeHere } from '../../../worker/text/place-here.ts';
import type { TextApi, TextFiles } from '../../../worker/text/text-api.ts';
import { shippedSource } from './sources.ts';

const never = new Promise<never>(() => undefined);
const facts = { hasChatTemplate: true, endToken: null, prefix: null, notices: [] };
const files: TextFiles = { tokenizer: '{}', config: null, template: 'x' };

/** Workers that answer at once, except where a test replaces a method. Counts those opened and ended. */
function places(slow: Partial<TextApi>) {
  const count = { opened: 0, ended: 0 };
  const open = (): TextPlace => {
    count.opened++;
    const api: TextApi = {
      awake: () => succeed(null),
      open: () => succeed(facts),
      encode: (text) => succeed([text.length]),
      changes: () => succeed(null),
      render: (messages) => succeed(messages.map(({ content }) => content).join()),
      startText: () => succeed(null),
      push: (tokens) => succeed(tokens.map((token) => `t${token}`)),
      textsOf: (tokens) => succeed(tokens.map(() => '')),
      decode: () => succeed(''),
      flush: () => succeed('!'),
      ...slow,
    };
    return { api, broken: never, end: () => count.ended++ };
  };
  return { open, count };
}

const openText = async (slow: Partial<TextApi>) => {
  const { open, count } = places(slow);
  const opened = await GuardedText.open(open, () => Promise.resolve(files), 50);
  if (!opened) throw new Error('there is a tokenizer');
  return { text: opened.text, count };
};

describe('Guarded text', () => {
  it('is null if there is no tokenizer', async () => {
    expect(await GuardedText.open(placeHere, () => Promise.resolve(null))).toBeNull();
  });

  it('ends if its tokenizer does not answer, and opens again for the next text', async () => {
    const { text, count } = await openText({
      encode: (asked) => (asked === 'bad' ? never : succeed([1])),
    });
    await expect(text.encode('bad')).rejects.toMatchObject({
      failure: { code: 'bad-tokenizer', reason: expect.stringContaining('did not answer') as string },
    });
    expect(count).toEqual({ opened: 1, ended: 1 });
    expect(await text.encode('good')).toEqual([1]);
    expect(count).toEqual({ opened: 2, ended: 1 });
  });

  it('has the code for regular expressions fetched, before the time of the tokenizer runs, if it has some', async () => {
    const asked: boolean[] = [];
    const { open } = places({
      awake: (patterns) => {
        asked.push(patterns);
        return new Promise((resolve) => setTimeout(() => resolve(succeed(null)), 150)); // longer than the patience
      },
    });
    for (const tokenizer of ['{}', '{"pre_tokenizer":{"pattern":{"Regex":"a"}}}']) {
      await GuardedText.open(open, () => Promise.resolve({ ...files, tokenizer }), 50);
    }
    expect(asked).toEqual([false, true]);
  });

  it('ends a tokenizer of 60 MB that does not answer after 20 seconds', async () => {
    vi.useFakeTimers();
    try {
      const { open, count } = places({ open: () => never });
      const large = { ...files, tokenizer: 'x'.repeat(60e6) };
      const opening = GuardedText.open(open, () => Promise.resolve(large));
      const said = expect(opening).rejects.toMatchObject({
        failure: { code: 'bad-tokenizer', reason: expect.stringContaining('within 20.0 seconds') as string },
      });
      await vi.advanceTimersByTimeAsync(19_000);
      expect(count.ended).toBe(0);
      await vi.advanceTimersByTimeAsync(1000);
      await said;
      expect(count.ended).toBe(1);
    } finally {
      vi.useRealTimers();
    }
  });

  it('compares a prompt with its tokens once, however often it runs', async () => {
    const asked: string[] = [];
    const { text } = await openText({
      changes: (prompt) => {
        asked.push(prompt.slice(0, 3));
        return succeed('changed');
      },
    });
    for (const prompt of ['one', 'one', `two${'x'.repeat(20_000)}`, `two${'x'.repeat(20_000)}`, 'one']) {
      expect(await text.changes(prompt)).toBe('changed');
    }
    expect(asked).toEqual(['one', 'two', 'one']);
  });

  it('gives up a text on request, and opens again for the next one', async () => {
    const { text, count } = await openText({
      encode: (asked) => (asked === 'long' ? never : succeed([1])),
    });
    text.interrupt(); // nothing is in progress
    expect(count.ended).toBe(0);
    const encoding = text.encode('long');
    await Promise.resolve(); // it asks the place for the text
    text.interrupt();
    await expect(encoding).rejects.toMatchObject({ failure: { code: 'stopped' } });
    expect(count).toEqual({ opened: 1, ended: 1 });
    expect(await text.encode('good')).toEqual([1]);
    // The patience for the text that was given up is not spent on the next place.
    await new Promise((resolve) => setTimeout(resolve, 80));
    expect(count).toEqual({ opened: 2, ended: 1 });
  });

  it('never asks a template again that did not answer', async () => {
    let asked = 0;
    const { text, count } = await openText({
      render: () => {
        asked++;
        return never;
      },
    });
    const chat = [{ role: 'user', content: 'x' }] as const;
    for (const _ of [1, 2])
      await expect(text.encodeChat(chat)).rejects.toMatchObject({ failure: { code: 'bad-template' } });
    expect(asked).toBe(1);
    expect(count.ended).toBe(1);
    expect(await text.encode('x')).toEqual([1]);
  });

  it('is not blamed for a place that takes long to start', async () => {
    const started = new Promise<void>((resolve) => setTimeout(resolve, 120));
    const { text, count } = await openText({
      awake: () => started.then(() => succeed(null)),
      open: () => started.then(() => succeed(facts)),
    });
    expect(await text.encode('good')).toEqual([4]);
    expect(count).toEqual({ opened: 1, ended: 0 });
  });

  it('ends if opening takes too long', async () => {
    const { open, count } = places({ open: () => never });
    await expect(GuardedText.open(open, () => Promise.resolve(files), 20)).rejects.toMatchObject({
      failure: { code: 'bad-tokenizer' },
    });
    expect(count.ended).toBe(1);
  });

  it('fails if its worker breaks', async () => {
    const { open } = places({ open: () => never });
    const broken = Promise.reject(new Error('no such script'));
    const opening = GuardedText.open(
      () => ({ ...open(), broken }),
      () => Promise.resolve(files),
    );
    await expect(opening).rejects.toThrow('no such script');
  });

  it('limits the tokens of a text, and says what its files lack', async () => {
    const source = shippedSource('fairy-lckv');
    const tokenizer = (await source.text('tokenizer.json')) ?? '';
    const read = () => Promise.resolve({ tokenizer, config: null, template: null });
    const opened = await GuardedText.open(placeHere, read);
    expect(opened?.facts).toEqual({ hasChatTemplate: false, endToken: null, prefix: null, notices: [] });
    await expect(opened?.text.encode('x'.repeat(5_000_000))).rejects.toMatchObject({
      failure: { code: 'bad-tokenizer' },
    });
    await expect(opened?.text.encodeChat([])).rejects.toMatchObject({
      failure: { code: 'bad-template', reason: 'the model has none' },
    });
  });
});

const drawn = (token: number) => ({ token, before: undefined, probabilities: null, ms: 0 });

describe('The text of a run', () => {
  it('arrives token by token, in order, however slow the worker is', async () => {
    const batches: number[] = [];
    const { text } = await openText({
      push: async (tokens) => {
        batches.push(tokens.length);
        await new Promise((resolve) => setTimeout(resolve, 5));
        return succeed(tokens.map((token) => `t${token}`));
      },
    });
    await text.startText([], []);
    const heard: string[] = [];
    const live = new LiveText(text, (token, piece) => heard.push(`${token}:${piece}`));
    for (const token of [1, 2, 3, 4]) live.push(drawn(token));
    expect(await live.finish()).toBe('t1t2t3t4!');
    expect(heard).toEqual(['1:t1', '2:t2', '3:t3', '4:t4']);
    expect(batches).toEqual([1, 3]);
  });

  it('fails if its tokenizer does not answer, and tells the run that is still going', async () => {
    const { text } = await openText({ push: () => never });
    await text.startText([], []);
    const live = new LiveText(text, () => undefined);
    live.push(drawn(1));
    expect(live.failed).toBe(false);
    await expect(live.finish()).rejects.toMatchObject({ failure: { code: 'bad-tokenizer' } });
    expect(live.failed).toBe(true);
  });
});
