import type { PeerEngine, PeerFile, PeerFiles } from '../../../worker/protocol/peer.ts';

interface Served {
  /** Below the folder of the page. */
  readonly path: string;
  readonly bytes: number;
  readonly parts: number;
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
  readonly wllama: { readonly version: string; readonly script: Served; readonly wasm: Served };
};

/** Of the library, without what it computes with. */
export const peerVersion = (engine: PeerEngine): string =>
  engine === 'wllama' ? __KVTAB_PEER__.wllama.version : __KVTAB_PEER__.version;

/** The files of an engine for a backend, at their addresses beside this page. */
export function peerFiles(engine: PeerEngine, backend: 'webgpu' | 'cpu', pageUrl: string): PeerFiles {
  const fileOf = ({ path, ...file }: Served): PeerFile => ({ ...file, url: new URL(path, pageUrl).href });
  if (engine === 'wllama') {
    const { version, script, wasm } = __KVTAB_PEER__.wllama;
    return { engine, version, script: fileOf(script), wasm: fileOf(wasm) };
  }
  const { script, [backend]: build } = __KVTAB_PEER__;
  return { engine, script: fileOf(script), loader: fileOf(build.loader), wasm: fileOf(build.wasm) };
}

/** What is downloaded before the first use. */
export const downloadBytes = (files: PeerFiles): number =>
  files.script.bytes + ('loader' in files ? files.loader.bytes : 0) + files.wasm.bytes;
