import { expect, test, type Worker } from 'playwright/test';
import { Heaps } from './heaps.ts';
import { generate, visit } from './lab.ts';

const minuteMs = 60_000;

/** Model switches, and tokens of all runs together. A shorter soak is for trying this test. */
const switches = Number(process.env['KVTAB_SOAK_SWITCHES'] ?? 50);
const tokens = Number(process.env['KVTAB_SOAK_TOKENS'] ?? 20_000);
/** The first switches compile kernels and fill caches. */
const WARM_UP = 4;
/** What the heaps may have grown by since then: runs are kept, with their texts. */
const MOST_HEAP_GROWTH = 16e6;

const models = ['fairy-llama', 'fairy-lckv'];

interface WithLedger {
  ledger?: { bytes: number; buffers: number };
}

/** Counts the bytes of buffers that a worker's GPU devices create from now on and do not destroy. */
async function watchBuffers(worker: Worker): Promise<() => Promise<{ bytes: number; buffers: number }>> {
  let isOpen = true;
  worker.on('close', () => {
    isOpen = false;
  });
  await worker.evaluate(() => {
    const ledger = { bytes: 0, buffers: 0 };
    (globalThis as WithLedger).ledger = ledger;
    const live = new WeakMap<object, number>();
    /** Has `then` called after a method, with its arguments, its object and what it returns. */
    const after = (
      type: object,
      method: string,
      then: (args: unknown[], self: object, made: object) => void,
    ) => {
      const original = Reflect.get(type, method) as (...args: unknown[]) => object;
      Reflect.set(type, method, function (this: object, ...args: unknown[]) {
        const made = original.apply(this, args);
        then(args, this, made);
        return made;
      });
    };
    after(GPUDevice.prototype, 'createBuffer', ([descriptor], _, buffer) => {
      const { size } = descriptor as GPUBufferDescriptor; // the method's only argument
      live.set(buffer, size);
      ledger.bytes += size;
      ledger.buffers++;
    });
    after(GPUBuffer.prototype, 'destroy', (_, buffer) => {
      const size = live.get(buffer);
      if (size === undefined) return;
      ledger.bytes -= size;
      ledger.buffers--;
      live.delete(buffer);
    });
  });
  const none = { bytes: 0, buffers: 0 };
  // The worker for text ends with its model, and has no buffers.
  return () =>
    isOpen
      ? worker.evaluate(() => (globalThis as WithLedger).ledger ?? { bytes: NaN, buffers: NaN })
      : Promise.resolve(none);
}

test('memory stays flat over many model switches and tokens', async ({ page }) => {
  test.setTimeout(60 * minuteMs);
  const lab = await visit(page);
  const heaps = new Heaps(await page.context().newCDPSession(page));
  await heaps.watch();
  const ledgers = await Promise.all(page.workers().map(watchBuffers));
  const done = page.getByText(/^Done\b/);

  const measured: Measured[] = [];
  let written = 0;
  for (let round = 1; round <= switches; round++) {
    await lab.select('Model').selectOption(models[round % models.length] ?? '');
    await lab.number('Seed').fill(String(round));
    // A text may end early.
    while (written < (tokens * round) / switches) {
      await generate(lab, Math.ceil(tokens / switches));
      written += tokensIn((await done.textContent()) ?? '');
    }
    // The same model each time.
    if (round % models.length !== 0) continue;
    const { stays } = await heaps.until(done);
    const ledger = await Promise.all(ledgers.map((read) => read()));
    measured.push({
      heap: stays,
      bytes: ledger.reduce((sum, { bytes }) => sum + bytes, 0),
      buffers: ledger.reduce((sum, { buffers }) => sum + buffers, 0),
    });
  }

  const lines = measured.map(({ heap, bytes, buffers }) => `${heap} ${bytes} ${buffers}`);
  test.info().annotations.push({ type: 'heap, GPU bytes, GPU buffers', description: lines.join('; ') });
  expect(written).toBeGreaterThanOrEqual(tokens);
  const [early, late] = [measured[WARM_UP / models.length - 1], measured.at(-1)];
  if (!early || !late || early === late) throw new Error('the soak is too short to compare anything');
  expect(early.buffers).toBeGreaterThan(0);
  expect({ bytes: late.bytes, buffers: late.buffers }).toEqual({
    bytes: early.bytes,
    buffers: early.buffers,
  });
  expect(late.heap - early.heap).toBeLessThan(MOST_HEAP_GROWTH);
});

interface Measured {
  readonly heap: number;
  readonly bytes: number;
  readonly buffers: number;
}

/** The number of tokens in the line that ends a run. */
const tokensIn = (line: string) =>
  Number(/([\d,]+) (new )?tokens?/.exec(line)?.[1]?.replaceAll(',', '') ?? NaN);
