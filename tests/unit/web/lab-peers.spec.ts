import { describe, expect, it } from 'vitest';
import { PagePeers } from '../../../web/experiments/peers/lab-peers.ts';
import type { Peer } from '../../../web/experiments/peers/peer-client.ts';
import { readExperiment } from '../../../worker/laboratory/experiment.ts';
import { speedPrompt } from '../../../worker/laboratory/speed-prompt.ts';
import type { ModelFacts } from '../../../worker/protocol/load.ts';
import type { PeerFacts, PeerOutcome, PeerRequest, PeerRun } from '../../../worker/protocol/peer.ts';

const facts: PeerFacts = {
  ...{ program: 'transformers.js 4, ONNX Runtime 1', device: 'wasm', build: 'o.wasm', threads: 1 },
  ...{ numbers: 'f32', matrices: 'f32', promptTokens: [] },
};
const ran: PeerRun = {
  ...{ tokens: [5, 6], pieces: null, text: null, prefillMs: 20, decodeTokensPerSec: 4 },
  ...{ kvBytes: 192, memory: { heapBytes: 9, gpuBytes: null } },
};
// It reads nothing else of them.
const model = {
  dims: { vocabSize: 100 },
  stored: { layerTypes: '0_1', forceNodiag: false },
} as ModelFacts;

function openPeers(answers: { open?: PeerOutcome<PeerFacts>; run?: PeerOutcome<PeerRun> } = {}) {
  const log: string[] = [];
  const asked: PeerRequest[] = [];
  const around = { wanted: true };
  /** What happens while it opens. */
  let opening = (): void => undefined;
  const peer = (): Peer => ({
    open: (request) => {
      log.push('open');
      opening();
      asked.push(request);
      return Promise.resolve(answers.open ?? { ok: true, value: facts });
    },
    write: () => {
      log.push('write');
      return Promise.resolve(answers.run ?? { ok: true, value: ran });
    },
    close: () => void log.push('close'),
  });
  const peers = new PagePeers({
    pageUrl: 'http://page/some/',
    refOf: (id) => `ref of ${id}`,
    wanted: () => around.wanted,
    openPeer: peer,
  });
  return { peers, log, asked, around, whenOpening: (act: () => void) => void (opening = act) };
}

function rowOf(base: object) {
  const measure = [{ kind: 'speed', prompt: [3], generate: [5] }];
  const [row] = readExperiment({
    experiment: 1,
    base: { model: 'm', engine: 'transformers.js', ...base },
    measure,
  }).rows;
  if (!row) throw new Error('there is no row');
  return row;
}
const item = { prompt: 3, generate: 5, batch: 1, round: 0 } as const;

describe('Rows in another engine of the page', () => {
  it('read the tokens that kvtab reads, from the plan and weights of the row', async () => {
    const { peers, asked } = openPeers();
    const row = rowOf({ weights: 'q4', embeddings: true, backend: 'cpu', window: 8 });
    expect(await peers.measure(row, model, item)).toEqual({
      ok: true,
      value: {
        ...{ kind: 'peer-speed', prefillMs: 20, decodeMs: 1000, kvBytes: 192, memory: ran.memory },
        engine: 'transformers.js 4, ONNX Runtime 1',
        options: 'WebAssembly, 1 thread, o.wasm, f32 weights, computed in f32, greedy',
      },
    });
    expect(asked).toMatchObject([
      {
        ...{ model: 'ref of m', backend: 'cpu', weights: 'q4', quantizeEmbeddings: true, newTokens: 5 },
        ...{ config: { slidingWindow: 8 }, input: { turns: [speedPrompt(3, 100)] } },
      },
    ]);
    expect(speedPrompt(3, 100)).toEqual([1, 20, 39]);
  });

  it('stay open from round to round, and make room for another row or length', async () => {
    const { peers, log } = openPeers();
    await peers.measure(rowOf({}), model, item);
    await peers.measure(rowOf({}), model, { ...item, round: 1 });
    expect(log).toEqual(['open', 'write', 'write']);
    await peers.measure(rowOf({}), model, { ...item, generate: 6 });
    expect(log.slice(3)).toEqual(['close', 'open', 'write']);
    peers.close();
    expect(log.at(-1)).toBe('close');
  });

  it.each([
    [{ layers: '0_0' }, item, 'layer 1 reads the keys and values of layer 0'],
    [{ nodiag: true }, item, 'No diagonal'],
    [{ policy: { id: 'sinks', sinks: 1, recent: 2 } }, item, 'its cache keeps everything'],
    [{}, { ...item, batch: 4 }, 'one sequence at a time'],
    [{}, { ...item, batch: 'largest' as const }, 'one sequence at a time'],
  ])('that are impossible open nothing: %j', async (base, asked, reason) => {
    const { peers, log } = openPeers();
    const measured = await peers.measure(rowOf(base), model, asked);
    expect(measured).toMatchObject({ ok: true, value: { kind: 'unmeasured', again: false } });
    expect(JSON.stringify(measured)).toContain(reason);
    expect(log).toEqual([]);
  });

  it('write nothing any more if the experiment was stopped while they opened', async () => {
    const { peers, log, around, whenOpening } = openPeers();
    whenOpening(() => (around.wanted = false));
    const stopped = { ok: false, failure: { code: 'stopped' } };
    expect(await peers.measure(rowOf({}), model, item)).toEqual(stopped);
    expect(log).toEqual(['open']);
    expect(await peers.measure(rowOf({}), model, item)).toEqual(stopped);
    expect(log).toEqual(['open']);
  });

  it('of which the model’s own plan shares are impossible too', async () => {
    const { peers } = openPeers();
    const sharing = { ...model, stored: { ...model.stored, layerTypes: '0_0' } };
    expect(await peers.measure(rowOf({}), sharing, item)).toMatchObject({ value: { kind: 'unmeasured' } });
  });

  it('that fail are told in words, to be tried again; that were stopped are not', async () => {
    const failure = { code: 'out-of-memory', step: 'graph', reason: 'bad_alloc' } as const;
    for (const answers of [{ open: { ok: false, failure } }, { run: { ok: false, failure } }] as const) {
      const failed = await openPeers(answers).peers.measure(rowOf({}), model, item);
      expect(failed).toMatchObject({ ok: true, value: { kind: 'unmeasured', again: true } });
      expect(JSON.stringify(failed)).toContain('ran out of memory');
    }
    const stopped = { ok: false, failure: { code: 'stopped' } };
    const ended = openPeers({ run: { ok: false, failure: { code: 'stopped' } } });
    expect(await ended.peers.measure(rowOf({}), model, item)).toEqual(stopped);
    const unwanted = openPeers();
    unwanted.around.wanted = false;
    expect(await unwanted.peers.measure(rowOf({}), model, item)).toEqual(stopped);
    expect(unwanted.log).toEqual([]);
  });
});
