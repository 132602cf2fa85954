import type { PeerFile, PeerFiles } from '../../../worker/protocol/peer.ts';

interface Served {
  /** Below the folder of the page. */
  readonly path: string;
  readonly bytes: number;
}

interface Build {
  readonly loader: Served;
  readonly wasm: Served;
}

/** Filled in by the build, from the files that it puts beside the page: tools/setup/peer-files.mjs. */
declare const __KVTAB_PEER__: {
  readonly version: string;
  readonly script: Served;
  readonly webgpu: Build;
  readonly cpu: Build;
};

export const peerVersion: string = __KVTAB_PEER__.version;

/** The files of transformers.js and of the ONNX Runtime build for a backend, at their addresses beside this page. */
export function peerFiles(backend: 'webgpu' | 'cpu', pageUrl: string): PeerFiles {
  const { script, [backend]: build } = __KVTAB_PEER__;
  const fileOf = ({ path, bytes }: Served): PeerFile => ({ url: new URL(path, pageUrl).href, bytes });
  return { script: fileOf(script), loader: fileOf(build.loader), wasm: fileOf(build.wasm) };
}

/** What is downloaded before the first use. */
export const downloadBytes = ({ script, loader, wasm }: PeerFiles): number =>
  script.bytes + loader.bytes + wasm.bytes;
