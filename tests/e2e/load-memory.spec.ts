import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, type CDPSession } from 'playwright/test';
import { weightSpecs } from '../../gpu/plan/weight-specs.ts';
import { applyConfig } from '../../worker/loader/apply-config.ts';
import { parseModelConfig } from '../../worker/loader/model-config.ts';
import { visit } from './lab.ts';

const SAMPLE_MS = 100;
const MOST_ADDED_BYTES = 200e6;

const config = {
  ...{ model_type: 'llama', vocab_size: 32_000, hidden_size: 1024, intermediate_size: 4096 },
  ...{ num_hidden_layers: 15, num_attention_heads: 16, num_key_value_heads: 4 },
  ...{ tie_word_embeddings: true, max_position_embeddings: 2048 },
};

/** A checkpoint of zeros, which take no room on disk; returns its bytes. */
function writeCheckpoint(folder: string): number {
  const read = parseModelConfig(config);
  const plan = read.ok && applyConfig(read.value.stored, {}, config.num_hidden_layers);
  if (!read.ok || !plan || !plan.ok) throw new Error('the configuration is wrong');
  let end = 0;
  const entries = weightSpecs(read.value.dims, plan.value.sharing.layers).map(
    ({ name, rows, cols, vector }) => {
      const begin = end;
      end += rows * cols * 2;
      return [
        name,
        { dtype: 'BF16', shape: vector ? [cols] : [rows, cols], data_offsets: [begin, end] },
      ] as const;
    },
  );
  const header = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(header.length), true);

  mkdirSync(folder);
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  const file = openSync(join(folder, 'model.safetensors'), 'w');
  writeSync(file, length);
  writeSync(file, header);
  ftruncateSync(file, length.length + header.length + end);
  closeSync(file);
  return end;
}

/** The page's and its workers' JavaScript heaps and backing stores, read over the DevTools protocol. */
class Heaps {
  readonly #page: CDPSession;
  readonly #workers = new Set<string>();
  readonly #waiting = new Map<number, (result: object) => void>();
  #calls = 0;

  constructor(page: CDPSession) {
    this.#page = page;
    page.on('Target.attachedToTarget', ({ sessionId }) => this.#workers.add(sessionId));
    page.on('Target.detachedFromTarget', ({ sessionId }) => this.#workers.delete(sessionId));
    page.on('Target.receivedMessageFromTarget', ({ message }) => {
      const { id, result } = JSON.parse(message) as { id?: number; result?: object };
      if (id !== undefined) this.#waiting.get(id)?.(result ?? {});
    });
  }

  async watch(): Promise<void> {
    await this.#page.send('Target.setAutoAttach', {
      autoAttach: true,
      waitForDebuggerOnStart: false,
      flatten: false,
    });
    await expect.poll(() => this.#workers.size).toBeGreaterThan(0);
  }

  /** Bytes of all of them together. */
  async bytes(): Promise<number> {
    const usages = [
      await this.#page.send('Runtime.getHeapUsage'),
      ...(await this.#inWorkers('Runtime.getHeapUsage')),
    ] as readonly { usedSize: number; backingStorageSize: number }[];
    return usages.reduce((sum, { usedSize, backingStorageSize }) => sum + usedSize + backingStorageSize, 0);
  }

  async collectGarbage(): Promise<void> {
    await this.#page.send('HeapProfiler.collectGarbage');
    await this.#inWorkers('HeapProfiler.collectGarbage');
  }

  #inWorkers(method: string): Promise<object[]> {
    return Promise.all(
      [...this.#workers].map(async (sessionId) => {
        const id = ++this.#calls;
        const answered = new Promise<object>((resolve) => this.#waiting.set(id, resolve));
        const message = JSON.stringify({ id, method });
        await this.#page.send('Target.sendMessageToTarget', { sessionId, message });
        return answered;
      }),
    );
  }
}

test('half a gigabyte is loaded through a memory that stays small', async ({ page }) => {
  const workshop = mkdtempSync(join(tmpdir(), 'kvtab-'));
  try {
    const folder = join(workshop, 'large');
    expect(writeCheckpoint(folder)).toBeGreaterThan(500e6);
    const lab = await visit(page);
    const heaps = new Heaps(await page.context().newCDPSession(page));
    await heaps.watch();

    const chooser = page.waitForEvent('filechooser');
    await page.getByRole('button', { name: 'Open folder', exact: true }).click();
    await (await chooser).setFiles(folder);
    await expect(lab.select('Model')).toHaveValue('folder:large');
    let peak = 0;
    let samples = 0;
    const ready = page.getByText('Ready.', { exact: true });
    while (!(await ready.isVisible())) {
      peak = Math.max(peak, await heaps.bytes());
      samples++;
      await page.waitForTimeout(SAMPLE_MS);
    }
    await heaps.collectGarbage();
    const stays = await heaps.bytes();
    const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
    const description = `peak ${megabytes(peak)}, stays ${megabytes(stays)}, ${samples} samples`;
    test.info().annotations.push({ type: 'memory', description });
    expect(samples).toBeGreaterThan(3);
    expect(peak - stays).toBeLessThan(MOST_ADDED_BYTES);
  } finally {
    rmSync(workshop, { recursive: true, force: true });
  }
});
