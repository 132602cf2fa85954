import { execFileSync } from 'node:child_process';
import { basename } from 'node:path';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type Plugin, type Rolldown } from 'vite';
import { VitePWA, type VitePWAOptions } from 'vite-plugin-pwa';
import { assemblyScript } from './tools/setup/assembly-script.mjs';
import { engineCommit } from './tools/setup/engine-commit.mjs';
import { isolation } from './tools/setup/isolation.mjs';
import { bareKernels } from './tools/setup/bare-wgsl.mjs';
import { measuringText } from './tools/setup/measuring-text.mjs';
import { notFound } from './tools/setup/not-found.mjs';
import { peerBuild, peerFiles } from './tools/setup/peer-files.mjs';
import { contentSecurity } from './web/security/content-security.ts';

/** Which commit a page was built from; an archive of the sources does not know. */
function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short=12', 'HEAD'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return 'unknown';
  }
}

/** The policy stands in the built page only: the development server lives on inline scripts and styles. */
const strictPage: Plugin = {
  name: 'kvtab:content-security',
  apply: 'build',
  transformIndexHtml: () => [
    {
      tag: 'meta',
      attrs: { 'http-equiv': 'Content-Security-Policy', content: contentSecurity },
      injectTo: 'head-prepend',
    },
  ],
};

const offline: Partial<VitePWAOptions> = {
  registerType: 'prompt', // a new version waits until a person asks for it
  injectRegister: false, // web/offline registers it, later
  manifest: {
    name: 'kvtab: a laboratory for the KV cache',
    short_name: 'kvtab',
    description: 'Edit which layers of a language model share their keys and values, in this tab.',
    id: './',
    start_url: './',
    scope: './',
    display: 'standalone',
    background_color: '#f6f5f1',
    theme_color: '#14665a',
    icons: [
      { src: 'icons/icon-192.png', sizes: '192x192', type: 'image/png' },
      { src: 'icons/icon-512.png', sizes: '512x512', type: 'image/png' },
      { src: 'icons/maskable-512.png', sizes: '512x512', type: 'image/png', purpose: 'maskable' },
      { src: 'icon.svg', sizes: 'any', type: 'image/svg+xml' },
    ],
  },
  workbox: {
    // The shell. Models are kept by the worker that loads them: worker/loader/offline-copy.ts.
    globIgnores: ['peer/**', 'sw-isolation.js', '404.html'],
    globPatterns: [
      '**/*.{html,js,css,svg,png}',
      '{models/index,healing/family}.json',
      'laboratory/**/*.{json,jsonl}',
    ],
    // Workbox leaves out what is over 2 MiB, and says so in a warning that nobody reads.
    maximumFileSizeToCacheInBytes: 16 * 2 ** 20,
    dontCacheBustURLsMatching: /assets\//,
    inlineWorkboxRuntime: true,
    importScripts: ['sw-isolation.js'],
    cleanupOutdatedCaches: true,
    clientsClaim: true,
    skipWaiting: false,
    // At another address the page would stay white: its own addresses are relative. Only queries change nothing.
    navigateFallback: null,
    ignoreURLParametersMatching: [/^/],
    runtimeCaching: [
      {
        // The engine that Compare compares with: tens of megabytes, kept when they are first used. The folder has the
        // version in its name, so a kept file is never an old one.
        urlPattern: ({ sameOrigin, url }) => sameOrigin && url.pathname.includes('/peer/'),
        handler: 'CacheFirst',
        options: {
          cacheName: 'kvtab-peer',
          cacheableResponse: { statuses: [200] },
          expiration: { maxEntries: 5, purgeOnQuotaError: true },
        },
      },
      {
        // The page's own models, from the copies where there is no network. Nothing from elsewhere comes by here.
        urlPattern: ({ sameOrigin, url }) => sameOrigin && url.pathname.includes('/models/'),
        handler: 'NetworkOnly',
        options: { plugins: [{ handlerDidError: ({ request }) => caches.match(request.url) }] },
      },
    ],
  },
};

/** A build that is not written has no folder to make a service worker for. */
const onlyWrittenBuilds: Plugin = {
  name: 'kvtab:offline-when-written',
  config: (config) => {
    offline.disable = config.build?.write === false;
  },
};

/**
 * What a worker's entry imports goes into a chunk of its own, which other chunks may import. Otherwise it becomes part of
 * the entry's chunk: Vite switches `preserveEntrySignatures` off in workers. `npm run check` looks at the result.
 */
const besideTheEntry: Rolldown.CodeSplittingGroup = {
  name: 'worker',
  tags: ['$initial'],
  test: (id) => basename(id) !== 'main.ts',
};

/** One chunk instead of eight: what is compressed together is smaller. */
const firstView: Rolldown.CodeSplittingGroup = { name: 'page', tags: ['$initial'] };

/** On a slow machine, how long plugins took would stand before the address that `npm start` prints. */
const checks: Rolldown.ChecksOptions = { bundlerTimings: false };

export default defineConfig({
  root: 'web',
  publicDir: '../public',
  // Relative addresses: the built page works from any folder of any host.
  base: './',
  define: {
    __KVTAB_COMMIT__: JSON.stringify(commit()),
    // What the laboratory's records are keyed by, on the page and on the command line.
    __KVTAB_ENGINE__: JSON.stringify(engineCommit()),
    // Where the engine lies that Compare compares with, and how long its files are.
    __KVTAB_PEER__: JSON.stringify(peerBuild),
  },
  plugins: [
    assemblyScript(),
    bareKernels(),
    svelte({ configFile: false }),
    strictPage,
    onlyWrittenBuilds,
    VitePWA(offline),
    peerFiles(),
    measuringText(),
    notFound(),
  ],
  // Each worker is bundled by itself, with plugins of its own.
  worker: {
    format: 'es',
    plugins: () => [assemblyScript(), bareKernels()],
    rolldownOptions: { checks, output: { codeSplitting: { groups: [besideTheEntry] } } },
  },
  // Every browser that runs ES2023 knows how to preload modules.
  build: {
    outDir: '../dist',
    emptyOutDir: true,
    target: 'es2023',
    modulePreload: { polyfill: false },
    rolldownOptions: { checks, output: { codeSplitting: { groups: [firstView] } } },
  },
  // An address rather than a name, because `localhost` is ::1 to one program and 127.0.0.1 to another.
  server: { host: '127.0.0.1', headers: isolation },
  preview: { host: '127.0.0.1', headers: isolation },
});
