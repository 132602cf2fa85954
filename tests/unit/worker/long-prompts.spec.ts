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

  it('is not limited as token ids, which the one who asks has counted', async () => {
    const { engine } = await loaded('lckv');
    const turns = [Array.from({ length: 70_000 }, () => 5)];
    const running = engine.generate(ask({ input: { turns }, maxNewTokens: 0 }), ignore);
    engine.stop();
    expect(await running).toMatchObject({ ok: true, value: { end: 'stopped' } });
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
