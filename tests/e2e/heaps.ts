import { expect, type CDPSession, type Locator } from 'playwright/test';

const SAMPLE_MS = 100;

interface Usage {
  readonly usedSize: number;
  readonly backingStorageSize: number;
}

/** Memory that a load takes, in bytes. */
export interface Taken {
  readonly peak: number;
  /** What remains after garbage collection. */
  readonly stays: number;
  readonly samples: number;
}

/** The page's and its workers' JavaScript heaps and backing stores, read over the DevTools protocol. */
export class Heaps {
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

  /** Samples until something is visible. */
  async until(shown: Locator): Promise<Taken> {
    let peak = 0;
    let samples = 0;
    while (!(await shown.isVisible())) {
      peak = Math.max(peak, await this.#bytes());
      samples++;
      await shown.page().waitForTimeout(SAMPLE_MS);
    }
    await this.#page.send('HeapProfiler.collectGarbage');
    await this.#inWorkers('HeapProfiler.collectGarbage');
    return { peak, stays: await this.#bytes(), samples };
  }

  /** Bytes of all heaps together. */
  async #bytes(): Promise<number> {
    const usages = [
      await this.#page.send('Runtime.getHeapUsage'),
      ...(await this.#inWorkers('Runtime.getHeapUsage')),
    ] as readonly Usage[];
    return usages.reduce((sum, { usedSize, backingStorageSize }) => sum + usedSize + backingStorageSize, 0);
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

export function describeTaken({ peak, stays, samples }: Taken): string {
  const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
  return `peak ${megabytes(peak)}, stays ${megabytes(stays)}, ${samples} samples`;
}
