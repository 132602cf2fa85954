import { describe, expect, it } from 'vitest';
import { RunClock, throttle } from '../../../worker/run-clock.ts';

/** A clock that is set by hand. */
function settable() {
  const clock = { ms: 1000, now: () => clock.ms };
  return clock;
}

describe('the clock of a run', () => {
  it('times the prompt until the first new token, and decoding from there to the last', () => {
    const clock = settable();
    const run = new RunClock(100, clock.now);
    clock.ms = 1400;
    run.prefilled();
    for (const ms of [1500, 1510, 1540]) {
      clock.ms = ms;
      run.token();
    }
    clock.ms = 9999;
    expect(run.timing()).toEqual({
      prefillMs: 500,
      decodeMs: 40,
      prefillTokensPerSec: 200,
      decodeTokensPerSec: 50,
    });
  });

  it('ends the prompt with the prefill if no new token was asked for', () => {
    const clock = settable();
    const run = new RunClock(100, clock.now);
    clock.ms = 1200;
    run.prefilled();
    clock.ms = 5000;
    expect(run.timing()).toMatchObject({ prefillMs: 200, prefillTokensPerSec: 500, decodeMs: 0 });
  });

  it('reports no speed for an unfinished prompt, a single token, or zero time', () => {
    const clock = settable();
    const run = new RunClock(100, clock.now);
    clock.ms = 1300;
    expect(run.timing()).toMatchObject({ prefillMs: 300, prefillTokensPerSec: 0, decodeTokensPerSec: 0 });
    run.token();
    expect(run.timing().decodeTokensPerSec).toBe(0);
    run.token();
    expect(run.timing()).toMatchObject({ decodeMs: 0, decodeTokensPerSec: 0 });
  });
});

describe('a throttled call', () => {
  it('runs at once, and then at most once per interval', () => {
    const clock = settable();
    const calls: number[] = [];
    const call = throttle(200, () => calls.push(clock.ms), clock.now);
    for (const ms of [1000, 1001, 1199, 1200, 1350, 1900]) {
      clock.ms = ms;
      call();
    }
    expect(calls).toEqual([1000, 1200, 1900]);
  });
});
