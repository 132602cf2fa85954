/** The Hub of a page, with a client and a playground that only record their calls. */
import { vi } from 'vitest';
import type { Playground } from '../../../web/playground/playground.svelte.ts';
import { Hub } from '../../../web/panels/hub/hub.svelte.ts';
import type { HubEvent, Looked, Newer, StoredModel } from '../../../worker/protocol/hub.ts';
import type { Failure, Outcome } from '../../../worker/protocol/failure.ts';
import type { BroughtModel, HubModel } from '../../../worker/protocol/load.ts';
import { tokensOnDevice } from '../../../web/panels/hub/remembered-token.ts';

export const ENDPOINT = 'https://mirror.example';
export const model: StoredModel = {
  endpoint: ENDPOINT,
  repository: 'owner/name',
  commit: 'c0ffee0',
  revision: 'main',
  superseded: false,
  files: 3,
  totalBytes: 100,
  storedBytes: 100,
  copies: [],
  healed: null,
  storedAtMs: 1,
  verified: { state: 'sound', atMs: 1, repairedBytes: 0 },
};
/** What a look at a repository finds: a plain LLaMA of two layers, of which 60 bytes are missing. */
export const looked: Looked = {
  ...{ endpoint: ENDPOINT, repository: 'owner/name', commit: 'c0ffee0' },
  ...{ files: 3, totalBytes: 100, storedBytes: 40, roomBytes: null },
  config: {
    dims: {
      ...{
        layerCount: 2,
        hiddenSize: 16,
        intermediateSize: 32,
        heads: 2,
        kvHeads: 1,
        headDim: 8,
        vocabSize: 64,
      },
      ...{ contextTokens: 100, rmsNormEps: 1e-6, rope: { type: 'default', theta: 10_000 } },
      ...{ tiedEmbeddings: true, qkvBias: false, outputBias: false, mlpBias: false, qkNorm: false },
    },
    stored: {
      layerTypes: '0_1',
      slidingWindow: 100,
      forwardPasses: 7,
      backwardPasses: 2,
      forceNodiag: false,
    },
    storedAs: 'bf16',
  },
};
export const succeed = <T>(value: T): Outcome<T> => ({ ok: true, value });
export const fail = (failure: Failure): Outcome<never> => ({ ok: false, failure });

export function open({ tokens = tokensOnDevice, now = () => performance.now() } = {}) {
  const brought = new Map<string, BroughtModel>();
  const playground = {
    brought,
    config: { model: '' },
    onDevice: [] as Playground['onDevice'],
    phase: { at: 'idle' } as unknown,
    load: vi.fn(),
    refuse: vi.fn(),
    bring: vi.fn((what: BroughtModel) => {
      brought.set(what.id, what);
      playground.config.model = what.id;
    }),
  };
  const client = {
    look: vi.fn((_: HubModel): Promise<Outcome<Looked>> => Promise.resolve(succeed(looked))),
    download: vi.fn((_: HubModel, __: (event: HubEvent) => void): Promise<Outcome<StoredModel>> =>
      Promise.resolve(succeed(model)),
    ),
    renew: vi.fn((_: HubModel, __: (event: HubEvent) => void): Promise<Outcome<StoredModel>> =>
      Promise.resolve(succeed({ ...model, commit: 'de5' })),
    ),
    newer: vi.fn((_: HubModel): Promise<Outcome<Newer | null>> => Promise.resolve(succeed(null))),
    check: vi.fn((_: HubModel): Promise<Outcome<StoredModel>> => Promise.resolve(succeed(model))),
    stored: vi.fn(() => Promise.resolve(succeed([model]))),
    unreadable: vi.fn(() => Promise.resolve(succeed(0))),
    removeUnreadable: vi.fn(() => Promise.resolve(succeed(undefined))),
    remove: vi.fn(() => Promise.resolve(succeed(undefined))),
    pause: vi.fn(),
    resume: vi.fn(),
    cancel: vi.fn(),
  };
  const persist = vi.fn(() => Promise.resolve(true));
  vi.stubGlobal('navigator', { storage: { persist } });
  const hub = new Hub(playground as unknown as Playground, client, { tokens, now });
  hub.repository = ' owner/name ';
  hub.endpoint = ENDPOINT;
  return { hub, playground, client, persist };
}
