import { describe, expect, it } from 'vitest';
import { Gate } from '../../../worker/hub/gate.ts';

const cancelled = { failure: { code: 'cancelled' } };

/** Whether a promise has settled by the next turn of the event loop. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const note = () => (settled = true);
  promise.then(note, note);
  await new Promise((resolve) => setTimeout(resolve));
  return settled;
}

describe('A gate', () => {
  it('is open at first', async () => {
    const gate = new Gate();
    await gate.pass();
    expect([gate.paused, gate.interrupted.aborted, gate.cancelled.aborted]).toEqual([false, false, false]);
  });

  it('interrupts what runs at a pause, and lets nothing pass until it is resumed', async () => {
    const gate = new Gate();
    const { interrupted } = gate;
    gate.pause();
    expect([gate.paused, interrupted.aborted, gate.cancelled.aborted]).toEqual([true, true, false]);
    const passing = gate.pass();
    expect(await isSettled(passing)).toBe(false);
    gate.resume();
    await passing;
    expect(gate.paused).toBe(false);
    expect(gate.interrupted.aborted, 'what comes next').toBe(false);
  });

  it('stays closed if it is paused twice, and opens for all who wait', async () => {
    const gate = new Gate();
    gate.pause();
    const passing = gate.pass();
    gate.pause();
    gate.resume();
    await passing;
    await gate.pass();
  });

  it('lets nobody pass who was resumed and paused again in the same moment', async () => {
    const gate = new Gate();
    gate.pause();
    const passing = gate.pass();
    gate.resume();
    gate.pause();
    expect(await isSettled(passing)).toBe(false);
    gate.resume();
    await passing;
  });

  it('throws for all who pass or wait once it is cancelled', async () => {
    const gate = new Gate();
    const { interrupted } = gate;
    gate.pause();
    const passing = gate.pass();
    gate.cancel();
    await expect(passing).rejects.toMatchObject(cancelled);
    await expect(gate.pass()).rejects.toMatchObject(cancelled);
    expect([interrupted.aborted, gate.interrupted.aborted, gate.cancelled.aborted]).toEqual([
      true,
      true,
      true,
    ]);
    expect(gate.paused).toBe(false);
  });

  it('keeps the first reason why it was cancelled', async () => {
    const gate = new Gate();
    gate.cancel({ code: 'storage-lost' });
    gate.cancel();
    await expect(gate.pass()).rejects.toMatchObject({ failure: { code: 'storage-lost' } });
  });
});
