import { describe, expect, it } from 'vitest';
import { ask, ignore, loaded } from './engines.ts';

const tale = (characters: number) => 'The king said that the fox was in the wood. '.repeat(characters / 44);

describe('a prompt that is far longer than the context', () => {
  it.each([
    [1_000_000, /its first 400000 characters alone have \d+ tokens, more than the 65536/],
    [5_000_000, /its first 400000 characters alone/],
  ])(
    'of %i characters is refused after a part of it was counted, with its length',
    async (length, reason) => {
      const { engine } = await loaded('fairy-lckv');
      const outcome = await engine.generate(ask({ input: { text: tale(length) } }), ignore);
      expect(outcome).toMatchObject({
        failure: { code: 'bad-request', field: 'prompt', reason: expect.stringMatching(reason) as string },
      });
    },
  );

  it('is read if positions are those of the cache, and chunks keep it small', async () => {
    const { engine } = await loaded('fairy-lckv');
    const policy = { id: 'sinks', sinks: 4, recent: 60, chunk: 64 };
    const long = ask({ input: { text: tale(600_000) }, policy, maxNewTokens: 1 });
    let reading = false;
    const running = engine.generate(long, ({ type }) => {
      reading ||= type === 'prefill';
      if (reading) engine.stop();
    });
    expect(await running).toMatchObject({ ok: true, value: { end: 'stopped' } });
    expect(reading).toBe(true);
    const absolute = { ...long, policy: { ...policy, positions: 'absolute' } };
    expect(await engine.generate(absolute, ignore)).toMatchObject({ failure: { field: 'prompt' } });
  });

  it('is refused as token ids too, those drawn between turns included, before anything is read', async () => {
    const { engine } = await loaded('lckv');
    const ids = (length: number) => Array.from({ length }, () => 5);
    const reason = expect.stringMatching(/they have 70000 tokens, more than the 65536/) as string;
    const drawn = [
      { tokens: [5], newTokens: 69_998 },
      { tokens: [5], newTokens: 0 },
    ];
    for (const turns of [[ids(70_000)], [ids(35_000), ids(35_000)], drawn]) {
      const outcome = await engine.generate(ask({ input: { turns }, maxNewTokens: 0 }), ignore);
      expect(outcome).toMatchObject({ failure: { code: 'bad-request', field: 'turns', reason } });
    }
  });

  it('ends as stopped if it is stopped before it was read', async () => {
    const { engine } = await loaded('fairy-lckv');
    const running = engine.generate(ask({ input: { text: 'Once' } }), ignore);
    engine.stop();
    expect(await running).toMatchObject({ ok: true, value: { end: 'stopped', tokens: [], text: '' } });
    expect(await engine.generate(ask({ input: { text: 'Once' } }), ignore)).toMatchObject({
      value: { end: 'length' },
    });
  });
});
