import type { PeerEngine } from '../../../worker/protocol/peer.ts';

/** Why a plan cannot run in another engine. */
export const words = {
  readsAbove: (engine: PeerEngine, layer: number, above: number) =>
    `Impossible in ${engine}: layer ${layer} reads the keys and values of layer ${above} above it, which are not there yet when a prompt is read all at once, as ${engine} does.`,
  shares: (engine: PeerEngine, layer: number, owner: number) =>
    `Impossible in ${engine}: layer ${layer} reads the keys and values of layer ${owner}, and in the models that it runs every layer has a cache of its own.`,
  noDiagonal: (engine: PeerEngine) =>
    `Impossible in ${engine}: its attention always sees the current token. Switch off “No diagonal”.`,
  policy: (engine: PeerEngine) =>
    `Impossible in ${engine}: its cache keeps everything. Choose the policy that keeps everything.`,
  windows: (engine: PeerEngine) =>
    `Impossible in ${engine}: every layer of the models that it runs sees all earlier tokens.`,
  cpuAlone: (engine: PeerEngine) =>
    `Impossible in ${engine}: it is compared on the CPU alone. Choose the CPU as backend.`,
  batch: (engine: PeerEngine) =>
    `Impossible in ${engine}: it writes one sequence at a time here, so only a batch of 1 is timed.`,
} as const;
