import { releaseProxy } from 'comlink';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { EventPort, telling } from '../../../worker/event-port.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** A page on another thread, which receives every event after a while. */
function slowPage(delayMs: number) {
  const received: number[] = [];
  const released = vi.fn<() => void>();
  const receive = (event: number): unknown =>
    new Promise<void>((resolve) => {
      const arrive = () => {
        received.push(event);
        resolve();
      };
      if (delayMs < Infinity) setTimeout(arrive, delayMs);
    });
  return { received, released, receive: Object.assign(receive, { [releaseProxy]: released }) };
}

it('A call answers after a busy page has received its last event, and then lets go of the page', async () => {
  const { received, released, receive } = slowPage(20_000);
  const port = new EventPort<number>(receive);
  port.emit(1);
  port.emit(2);
  const closed = port.close().then(() => received.length);
  await vi.advanceTimersByTimeAsync(19_000);
  expect(released).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1000);
  expect(await closed).toBe(2);
  expect(released).toHaveBeenCalledTimes(1);
  expect(vi.getTimerCount(), 'nothing keeps the process alive').toBe(0);
});

it('A page that never answers is given up', async () => {
  const { released, receive } = slowPage(Infinity);
  const port = new EventPort<number>(receive);
  port.emit(1);
  const closed = port.close();
  await vi.advanceTimersByTimeAsync(60_000);
  await closed;
  expect(released).toHaveBeenCalledTimes(1);
});

it('A page that fails on an event fails nothing else', async () => {
  const port = new EventPort<number>(() => {
    throw new Error('the page broke');
  });
  port.emit(1);
  await port.close();
});

it('A call that tells events lets go of the page whether its work succeeds or fails', async () => {
  const { received, released, receive } = slowPage(10);
  const answer = telling<number, string>(receive, (emit) => {
    emit(7);
    return Promise.resolve('done');
  });
  await vi.advanceTimersByTimeAsync(20);
  expect(await answer).toBe('done');
  expect(received).toEqual([7]);
  expect(released).toHaveBeenCalledTimes(1);

  const failed = expect(telling(receive, () => Promise.reject(new Error('no room')))).rejects.toThrow(
    'no room',
  );
  await vi.advanceTimersByTimeAsync(20);
  await failed;
  expect(released).toHaveBeenCalledTimes(2);
});
