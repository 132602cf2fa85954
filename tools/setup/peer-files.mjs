// The files of transformers.js with its ONNX Runtime, and of wllama, served with the page as they are: nothing bundles or rewrites them.
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';

const require = createRequire(import.meta.url);

/** Some hosts refuse files of more than 25 MiB, so larger ones are served in parts that the page puts together. */
const LARGEST_PART = 20 * 2 ** 20;

/** @param {string} name of a package whose main file lies in its folder `dist` */
const distOf = (name) => dirname(require.resolve(name));

/** @param {string} name */
const versionOf = (name) =>
  /** @type {{ version: string }} */ (
    JSON.parse(readFileSync(join(dirname(distOf(name)), 'package.json'), 'utf8'))
  ).version;

const library = '@huggingface/transformers';
const runtime = 'onnxruntime-web';
const llama = '@wllama/wllama';

/**
 * A module is called .js here, whatever its package calls it: more servers know that for a script.
 *
 * @param {string} from package
 * @param {string} file in its `dist`
 */
function fileOf(from, file) {
  const path = join(distOf(from), file);
  return { name: basename(file).replace(/\.mjs$/, '.js'), path, bytes: statSync(path).size };
}

/**
 * ONNX Runtime's builds: with WebGPU, which is what transformers.js takes in a browser that has it, and without.
 *
 * @param {'.asyncify' | ''} build
 */
const buildOf = (build) => ({
  loader: fileOf(runtime, `ort-wasm-simd-threaded${build}.mjs`),
  wasm: fileOf(runtime, `ort-wasm-simd-threaded${build}.wasm`),
});

const script = fileOf(library, 'transformers.min.js');
const builds = { webgpu: buildOf('.asyncify'), cpu: buildOf('') };
const files = [script, ...Object.values(builds).flatMap(({ loader, wasm }) => [loader, wasm])];
/** Where the files lie, for a page that is made of them. */
export const peerPaths = files.map(({ path }) => path);
const wllama = { script: fileOf(llama, 'index.min.js'), wasm: fileOf(llama, 'wasm/wllama.wasm') };
const served = [
  ...inFolder(`peer/transformers-${versionOf(library)}-${versionOf(runtime)}`, files),
  ...inFolder(`peer/wllama-${versionOf(llama)}`, Object.values(wllama)),
];

/**
 * @param {string} folder
 * @param {readonly ReturnType<typeof fileOf>[]} its
 */
function inFolder(folder, its) {
  return its.map((file) => {
    const served = `${folder}/${file.name}`;
    const count = Math.ceil(file.bytes / LARGEST_PART);
    const parts = Array.from({ length: count }, (_, i) => ({
      served: count === 1 ? served : `${served}.part${i + 1}`,
      begin: i * LARGEST_PART,
      end: Math.min(file.bytes, (i + 1) * LARGEST_PART),
    }));
    return { ...file, served, parts };
  });
}

/** @param {{ path: string, bytes: number }} file */
function servedAs({ path, bytes }) {
  const found = served.find((file) => file.path === path);
  if (!found) throw new Error(`${path} is not served`);
  return { path: found.served, bytes, parts: found.parts.length };
}

/**
 * What the page knows of them: addresses below its folder, and lengths. `PeerBuild` of the page is its type.
 */
export const peerBuild = {
  version: versionOf(library),
  script: servedAs(script),
  webgpu: { loader: servedAs(builds.webgpu.loader), wasm: servedAs(builds.webgpu.wasm) },
  cpu: { loader: servedAs(builds.cpu.loader), wasm: servedAs(builds.cpu.wasm) },
  wllama: {
    version: versionOf(llama),
    script: servedAs(wllama.script),
    wasm: servedAs(wllama.wasm),
  },
};

/**
 * Puts the files beside the page: into what is built, and into what a development server serves.
 *
 * @param {Readonly<Record<string, string>>} headers of a development server's answers
 * @returns {import('vite').Plugin}
 */
export const peerFiles = (headers = {}) => ({
  name: 'kvtab:peer-files',
  generateBundle() {
    for (const { parts, path } of served) {
      const bytes = readFileSync(path);
      for (const { served: fileName, begin, end } of parts)
        this.emitFile({ type: 'asset', fileName, source: bytes.subarray(begin, end) });
    }
  },
  configureServer({ middlewares }) {
    middlewares.use((request, response, next) => {
      const asked = new URL(request.url ?? '', 'http://page').pathname;
      // What is served in parts is there as a whole too, for benches.
      const found = served
        .flatMap(({ path, bytes, ...file }) =>
          [{ served: file.served, begin: 0, end: bytes }, ...file.parts].map((part) => ({ ...part, path })),
        )
        .find((part) => asked === `/${part.served}`);
      if (!found) {
        next();
        return;
      }
      const { path, begin, end } = found;
      const type = path.endsWith('js') ? 'text/javascript' : 'application/wasm';
      response.writeHead(200, { ...headers, 'Content-Type': type, 'Content-Length': end - begin });
      createReadStream(path, { start: begin, end: end - 1 }).pipe(response);
    });
  },
});
