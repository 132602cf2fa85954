import type {
  OnPeerEvent,
  PeerFacts,
  PeerOutcome,
  PeerRequest,
  PeerRun,
} from '../../../worker/protocol/peer.ts';
import type { Peer } from './peer-client.ts';

/** Has the one peer that is open: two models in two engines would take twice the memory. */
export class PeerSeat {
  readonly #openPeer: () => Peer;
  #taken: { readonly by: number | string; readonly peer: Peer; readonly facts: PeerFacts } | null = null;
  /** The one that opens, or is open. */
  #peer: Peer | null = null;

  constructor(openPeer: () => Peer) {
    this.#openPeer = openPeer;
  }

  /** Opens the model of a contender, unless it is open: in place of the one before. */
  async open(
    contender: number | string,
    request: PeerRequest,
    receive: OnPeerEvent,
  ): Promise<PeerOutcome<PeerFacts>> {
    if (this.#taken?.by === contender) return { ok: true, value: this.#taken.facts };
    this.close();
    const peer = (this.#peer = this.#openPeer());
    const opened = await peer.open(request, receive);
    if (this.#peer !== peer) return { ok: false, failure: { code: 'stopped' } };
    if (opened.ok) this.#taken = { by: contender, peer, facts: opened.value };
    else this.close();
    return opened;
  }

  /** Continues the prompt of the model that is open. A failure closes it. */
  async write(receive: OnPeerEvent): Promise<PeerOutcome<PeerRun>> {
    if (!this.#taken) return { ok: false, failure: { code: 'stopped' } };
    const written = await this.#taken.peer.write(receive);
    if (!written.ok) this.close();
    return written;
  }

  /** Ends the peer, also while it works: its call then fails as stopped. */
  close(): void {
    this.#peer?.close();
    this.#peer = null;
    this.#taken = null;
  }
}
