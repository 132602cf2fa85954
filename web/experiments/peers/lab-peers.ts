import type { Row } from '../../../worker/laboratory/experiment.ts';
import type { LabPeers } from '../../../worker/laboratory/run-experiment.ts';
import { speedPrompt } from '../../../worker/laboratory/speed-prompt.ts';
import type { Outcome } from '../../../worker/protocol/failure.ts';
import type { ModelFacts, ModelRef } from '../../../worker/protocol/load.ts';
import type { MeasuredPeer, SpeedItem, Unmeasured } from '../../../worker/protocol/measure.ts';
import type { PeerEngine, PeerFailure, PeerRequest } from '../../../worker/protocol/peer.ts';
import { words } from './impossible-words.ts';
import { peerFiles } from './peer-build.ts';
import { PeerClient, type Peer } from './peer-client.ts';
import { impossibleThere } from './peer-plan.ts';
import { PeerSeat } from './peer-seat.ts';
import { engineOptions, explainPeer } from './peer-words.ts';
import { stopped } from '../stopped.ts';

interface PagePeersOptions {
  readonly pageUrl: string;
  readonly refOf: (model: string) => ModelRef;
  /** Whether the experiment goes on. */
  readonly wanted: () => boolean;
  readonly openPeer?: () => Peer;
}

/** Times rows of an experiment in other engines, as Compare does: each in a worker, warm, one at a time. */
export class PagePeers implements LabPeers {
  readonly #options: PagePeersOptions;
  readonly #seat: PeerSeat;

  constructor(options: PagePeersOptions) {
    this.#options = options;
    this.#seat = new PeerSeat(options.openPeer ?? (() => new PeerClient()));
  }

  async measure(row: Row, model: ModelFacts, item: SpeedItem): Promise<Outcome<MeasuredPeer | Unmeasured>> {
    const { engine } = row;
    if (engine === 'kvtab') throw new Error('kvtab measures its own rows itself');
    const impossible = whyImpossible(row, engine, model, item);
    if (impossible !== null) return unmeasured(impossible, false);
    if (!this.#options.wanted()) return stopped;
    const { prompt, generate } = item;
    // A worker opens one model for one length of a text.
    const opened = await this.#seat.open(
      `${row.label} ${prompt} ${generate}`,
      this.#requestOf(row, engine, model, item),
      ignore,
    );
    if (!opened.ok) return this.#failed(opened.failure, engine);
    if (!this.#options.wanted()) return stopped;
    const run = await this.#seat.write(ignore);
    if (!run.ok) return this.#failed(run.failure, engine);
    const { prefillMs, decodeTokensPerSec, kvBytes, memory } = run.value;
    const decodeMs = decodeTokensPerSec === 0 ? 0 : (1000 * (generate - 1)) / decodeTokensPerSec;
    return {
      ok: true,
      value: {
        ...{ kind: 'peer-speed', prefillMs, decodeMs, kvBytes, memory },
        ...{ engine: opened.value.program, options: engineOptions(opened.value) },
      },
    };
  }

  /** Ends what runs, which then counts as stopped, and gives its memory back. */
  close(): void {
    this.#seat.close();
  }

  #failed(failure: PeerFailure, engine: PeerEngine): Outcome<Unmeasured> {
    return failure.code === 'stopped' || !this.#options.wanted()
      ? stopped
      : unmeasured(explainPeer(failure, engine), true);
  }

  #requestOf(
    { model: id, backend, weights, quantizeEmbeddings, config }: Row,
    engine: PeerEngine,
    { dims }: ModelFacts,
    { prompt, generate }: SpeedItem,
  ): PeerRequest {
    const { refOf, pageUrl } = this.#options;
    return {
      ...{ model: refOf(id), backend, weights, quantizeEmbeddings, config },
      input: { turns: [speedPrompt(prompt, dims.vocabSize)] },
      newTokens: generate,
      files: peerFiles(engine, backend, pageUrl),
    };
  }
}

function whyImpossible(
  { config, policy, backend }: Row,
  engine: PeerEngine,
  { stored }: ModelFacts,
  { batch }: SpeedItem,
) {
  if (batch !== 1) return words.batch(engine);
  return impossibleThere({ ...stored, ...config, policy: policy.id, backend }, engine);
}

const unmeasured = (reason: string, again: boolean): Outcome<Unmeasured> => ({
  ok: true,
  value: { kind: 'unmeasured', reason, again },
});

const ignore = () => undefined;
