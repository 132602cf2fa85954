import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { Gate } from '../../../worker/hub/gate.ts';
import { Patience, realClock, retryAfterMs } from '../../../worker/hub/patience.ts';

/** A patience whose clock records the waits, and does not wait. */
function patient(gate = new Gate(), onSleep = (_: AbortSignal): void => undefined) {
  const slept: number[] = [];
  const waits: [string, number][] = [];
  const clock = {
    sleep: (ms: number, signal: AbortSignal) => {
      slept.push(ms);
      onSleep(signal);
      return signal.aborted ? Promise.reject(new Error('interrupted')) : Promise.resolve();
    },
  };
  const patience = new Patience('a.bin', gate, (reason, forMs) => waits.push([reason, forMs]), clock);
  return { patience, slept, waits };
}

const failed = (more: object) =>
  expect.objectContaining({ failure: { code: 'download-failed', file: 'a.bin', ...more } }) as Error;

describe('Patience', () => {
  it('waits twice as long after each failure, and gives up after the sixth', async () => {
    const { patience, slept, waits } = patient();
    for (let failures = 1; failures <= 5; failures++) {
      await patience.afterFailure(503, 'busy');
      expect(patience.failures).toBe(failures);
    }
    expect(slept).toEqual([500, 1000, 2000, 4000, 8000]);
    expect(waits).toEqual(slept.map((ms) => ['busy', ms]));
    await expect(patience.afterFailure(503, 'busy')).rejects.toEqual(failed({ status: 503, reason: 'busy' }));
    expect(slept).toHaveLength(5);
  });

  it('starts over with the first wait once bytes have arrived', async () => {
    const { patience, slept } = patient();
    for (let failures = 0; failures < 4; failures++) await patience.afterFailure(0, 'cut');
    patience.reward();
    expect(patience.failures).toBe(0);
    await patience.afterFailure(0, 'cut');
    expect(slept).toEqual([500, 1000, 2000, 4000, 500]);
  });

  it('waits as long as the server asks, up to two minutes', async () => {
    const { patience, slept } = patient();
    await patience.afterFailure(429, 'too many requests', 120_000);
    await patience.afterFailure(429, 'too many requests', 0);
    expect(slept).toEqual([120_000, 0]);
    await expect(patience.afterFailure(429, 'too many requests', 120_001)).rejects.toEqual(
      failed({ status: 429, reason: 'too many requests', retryAfterSec: 121 }),
    );
    expect(slept).toHaveLength(2);
  });

  it('gives up after the sixth failure whatever the server asks, and says when to try again', async () => {
    const { patience, slept } = patient();
    for (let failures = 0; failures < 5; failures++) await patience.afterFailure(429, 'busy', 10);
    await expect(patience.afterFailure(429, 'busy', 1500)).rejects.toEqual(
      failed({ status: 429, reason: 'busy', retryAfterSec: 2 }),
    );
    expect(slept).toHaveLength(5);
  });

  it('ends its wait when the person pauses, and continues when they resume', async () => {
    const gate = new Gate();
    const { patience } = patient(gate, () => gate.pause());
    let over = false;
    const waiting = patience.afterFailure(0, 'cut').then(() => (over = true));
    await new Promise((resolve) => setTimeout(resolve));
    expect(over).toBe(false);
    gate.resume();
    await waiting;
    expect(patience.failures).toBe(1);
  });

  it('reports a cancelled download if that ends its wait', async () => {
    const gate = new Gate();
    const { patience } = patient(gate, () => gate.cancel());
    await expect(patience.afterFailure(0, 'cut')).rejects.toMatchObject({ failure: { code: 'cancelled' } });
  });
});

describe('retryAfterMs', () => {
  const asked = (text: string | null) =>
    retryAfterMs(
      new Response(null, text === null ? {} : { headers: { 'retry-after': text } }),
      Date.parse('Wed, 21 Oct 2026 07:28:00 GMT'),
    );

  it('reads seconds', () => {
    expect(asked('0')).toBe(0);
    expect(asked('120')).toBe(120_000);
  });

  it('reads a date, and treats one in the past as now', () => {
    expect(asked('Wed, 21 Oct 2026 07:28:30 GMT')).toBe(30_000);
    expect(asked('Wed, 21 Oct 2026 07:27:00 GMT')).toBe(0);
  });

  it('does not mistake a date that begins or ends with digits for seconds', () => {
    expect(asked('21 Oct 2026 07:28:30 GMT')).toBe(30_000);
    expect(asked('Sat Oct 24 07:28:30 2026')).toBeGreaterThan(24 * 3_600_000);
  });

  it('is null if the header is missing or invalid', () => {
    const unreadable = [null, '', 'soon', 'a while', 'about 7', '5 minutes', '-3', '1.5'];
    for (const text of unreadable) expect(asked(text)).toBeNull();
  });
});

describe('The clock', () => {
  it('waits', async () => {
    const startMs = performance.now();
    await realClock.sleep(30, new AbortController().signal);
    expect(performance.now() - startMs).toBeGreaterThan(25);
  });

  it('rejects at once if the signal aborts or has aborted', async () => {
    const control = new AbortController();
    const sleeping = realClock.sleep(3_600_000, control.signal);
    control.abort();
    await expect(sleeping).rejects.toThrow('interrupted');
    await expect(realClock.sleep(3_600_000, control.signal)).rejects.toThrow('interrupted');
  });

  it('leaves no listener on the signal, whether it waited to the end or not', async () => {
    const control = new AbortController();
    await realClock.sleep(1, control.signal);
    expect(getEventListeners(control.signal, 'abort')).toEqual([]);
    const sleeping = realClock.sleep(3_600_000, control.signal);
    control.abort();
    await expect(sleeping).rejects.toThrow('interrupted');
    expect(getEventListeners(control.signal, 'abort')).toEqual([]);
  });
});
