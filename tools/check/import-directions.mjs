// Which folder may import what: the import table of this project as a lint rule. Anything unlisted is an error.
import { posix, relative, sep } from 'node:path';

/**
 * @typedef {object} Allowed
 * @property {string} path a file, or a folder if it ends in a slash
 * @property {true} [typesOnly]
 * @property {true} [direct] the folder's own files, not those of folders in it
 */

/**
 * @typedef {object} Realm
 * @property {string} of the files that the rule is about: a file, or a folder if it ends in a slash
 * @property {readonly Allowed[] | 'import all of the project'} may
 * @property {readonly string[] | 'any'} libraries
 * @property {string} reason
 */

/** @type {Allowed} */
const protocolTypes = { path: 'worker/protocol/', typesOnly: true };
const pure = [{ path: 'gpu/plan/' }, { path: 'gpu/numbers/' }, { path: 'gpu/kv/' }];
/** The table of settings: below both the page and the tools, which may not import each other. */
const settingTable = { path: 'worker/settings/' };
/** Whom to cite. */
const citationFile = { path: 'CITATION.cff' };
const contract = [{ path: 'gpu/backend.ts' }, { path: 'gpu/backend-error.ts' }];
const pageLibraries = ['svelte', 'comlink'];

/** What a healing will take is said before a worker is asked for anything. Neither file computes a gradient. */
const healingCosts = [{ path: 'gpu/train/memory-needed.ts' }, { path: 'gpu/train/recipe.ts' }];

const planIsPure =
  'gpu/plan is pure and imports nothing from outside gpu/plan: the page and every test use it without a GPU.';
const pageLooksAtTypes =
  'The page talks to the worker only through the types of worker/protocol and the table of worker/settings, and plans only with the pure folders gpu/plan, gpu/numbers and gpu/kv.';
const panelsAreApart =
  'A panel imports its own folder, web/playground, web/settings, web/models, web/presets, web/ui and web/meaning, and never another panel: what two panels need belongs to one of those.';

const checksWhatIsKept =
  'Only read-stored-run.ts, read-comparison.ts and read-throughput.ts, which check what a store holds, import valibot, and they are loaded when they are needed.';

const belowThePanels = [
  ...pure,
  protocolTypes,
  settingTable,
  { path: 'worker/storage/' },
  ...['endpoint', 'csv', 'unexpected-failure'].map((name) => ({ path: `worker/${name}.ts` })),
  { path: 'web/playground/' },
  { path: 'web/settings/' },
  { path: 'web/models/' },
  { path: 'web/presets/' },
  { path: 'web/ui/' },
  { path: 'web/meaning/' },
];

/**
 * What panels that run experiments share with the command line and with each other.
 *
 * @type {readonly Allowed[]}
 */
const experimentParts = [
  { path: 'web/experiments/' },
  { path: 'worker/laboratory/' },
  ...['outcome', 'sha256', 'hostile-json', 'hostile-fields'].map((name) => ({ path: `worker/${name}.ts` })),
  { path: 'worker/summary/protocol.ts', typesOnly: true },
];

/**
 * The first realm that a file is in counts. `{panel}` in a path stands for the panel of the importing file.
 *
 * @type {readonly Realm[]}
 */
const realms = [
  { of: 'gpu/plan/', may: [{ path: 'gpu/plan/' }], libraries: [], reason: planIsPure },
  {
    of: 'gpu/numbers/',
    may: [{ path: 'gpu/numbers/' }, { path: 'gpu/plan/' }],
    libraries: [],
    reason: 'gpu/numbers is pure: it imports its neighbours and gpu/plan.',
  },
  {
    of: 'gpu/kv/',
    may: pure,
    libraries: [],
    reason:
      'gpu/kv is pure, because all three backends share it: it imports gpu/plan, gpu/numbers and its neighbours.',
  },
  {
    of: 'gpu/webgpu/kernels/',
    may: [{ path: 'gpu/webgpu/kernel.ts' }, { path: 'gpu/webgpu/kernels/' }, ...pure],
    libraries: [],
    reason:
      'A kernel is a WGSL file and its declaration: it imports gpu/webgpu/kernel.ts, its neighbours and the pure folders.',
  },
  {
    of: 'gpu/webgpu/',
    may: [...pure, ...contract, { path: 'gpu/webgpu/' }, { path: 'gpu/cpu/random.ts' }],
    libraries: [],
    reason:
      'gpu/webgpu imports its neighbours, the contract and the pure folders: no other backend, no text, no page.',
  },
  {
    of: 'gpu/cpu/',
    may: [...pure, ...contract, { path: 'gpu/cpu/' }],
    libraries: [],
    reason: 'gpu/cpu is what the two CPU decoders share: it knows neither of them.',
  },
  {
    of: 'gpu/reference/',
    may: [...pure, ...contract, { path: 'gpu/cpu/' }, { path: 'gpu/reference/' }],
    libraries: [],
    reason: 'gpu/reference is the oracle: it imports gpu/cpu, the contract and the pure folders.',
  },
  {
    of: 'gpu/wasm/',
    may: [
      ...pure,
      ...contract,
      { path: 'gpu/cpu/' },
      { path: 'gpu/wasm/' },
      // The fall-back for engines whose WebAssembly has no SIMD.
      { path: 'gpu/reference/backend.ts' },
    ],
    libraries: [],
    reason:
      'gpu/wasm imports gpu/cpu, the contract, the pure folders and, as its fall-back, gpu/reference/backend.ts.',
  },
  {
    of: 'gpu/train/',
    may: [
      ...pure,
      { path: 'gpu/train/' },
      // Training shares the memory and the kernels' sources of the CPU backend, and nothing of its decoder.
      { path: 'gpu/wasm/linear-memory.ts' },
      { path: 'gpu/wasm/kernels.ts', typesOnly: true },
      { path: 'gpu/wasm/kernels/train.ts' },
    ],
    libraries: [],
    reason:
      'gpu/train trains on the memory and the kernels of gpu/wasm: it imports no decoder, the pure folders and its neighbours.',
  },
  {
    of: 'gpu/',
    may: pure,
    libraries: [],
    reason: 'The contract of the backends is made of the pure folders alone.',
  },
  {
    of: 'worker/protocol/',
    may: [{ path: 'gpu/', typesOnly: true }, protocolTypes],
    libraries: [],
    reason: 'worker/protocol is types alone: it imports types of gpu and of its neighbours.',
  },
  {
    of: 'worker/text/oniguruma.ts',
    may: [{ path: 'worker/' }],
    libraries: ['@huggingface/tokenizers'],
    reason:
      'worker/text/oniguruma.ts is the one importer of the tokenizer library, and looks only at worker.',
  },
  {
    of: 'worker/text/jinja/',
    may: [{ path: 'worker/text/jinja/' }],
    libraries: [],
    reason: 'worker/text/jinja is a language of its own: it imports its neighbours alone.',
  },
  {
    of: 'worker/export/zip-sink.ts',
    may: [{ path: 'worker/' }],
    libraries: ['client-zip'],
    reason: 'worker/export/zip-sink.ts is the one importer of client-zip, and looks only at worker.',
  },
  {
    of: 'worker/endpoint.ts',
    may: [],
    libraries: [],
    reason:
      'worker/endpoint.ts says what counts as one endpoint, for the page that remembers tokens and the worker that sends them: it is pure.',
  },
  {
    of: 'worker/storage/',
    may: [{ path: 'worker/storage/' }],
    libraries: ['idb-keyval'],
    reason:
      'worker/storage is what the page and its workers keep on the device: the one importer of idb-keyval, and of nothing else.',
  },
  {
    of: 'worker/settings/',
    may: [...pure, protocolTypes, settingTable],
    libraries: [],
    reason:
      'worker/settings is the table of settings for page and tools, and pure: it imports its neighbours, the pure folders and types of worker/protocol.',
  },
  {
    of: 'worker/hub/digest.ts',
    may: [],
    libraries: ['hash-wasm'],
    reason: 'worker/hub/digest.ts is the one importer of hash-wasm, and of nothing else.',
  },
  {
    of: 'worker/laboratory/tasks/read-yaml.ts',
    may: [{ path: 'worker/' }],
    libraries: ['yaml'],
    reason: 'worker/laboratory/tasks/read-yaml.ts is the one importer of yaml, and looks only at worker.',
  },
  {
    of: 'worker/laboratory/read-record.ts',
    may: [{ path: 'worker/laboratory/' }, protocolTypes],
    libraries: ['valibot'],
    reason:
      'worker/laboratory/read-record.ts is what checks records from outside: the one importer of valibot here.',
  },
  {
    of: 'worker/laboratory/',
    may: [
      ...pure,
      { path: 'gpu/cpu/random.ts' },
      { path: 'worker/', direct: true },
      { path: 'worker/text/jinja/' },
      protocolTypes,
      settingTable,
      { path: 'worker/laboratory/' },
    ],
    libraries: [],
    reason:
      'worker/laboratory is what page and tools share of the laboratory, and pure: it computes no model, so it imports its neighbours, the pure folders and the templates of worker/text/jinja.',
  },
  ...workerFolders([
    ['text', []],
    ['loader', ['text']],
    ['hub', ['loader', 'storage']],
    ['export', ['loader']],
    ['heal', ['loader', 'text', 'export', 'hub', 'storage']],
  ]),
  {
    of: 'worker/',
    may: [{ path: 'gpu/' }, { path: 'worker/' }],
    libraries: ['comlink'],
    reason:
      'The worker imports gpu, worker and comlink, and never the page. Only worker/text/oniguruma.ts imports the library for tokenizers.',
  },
  {
    of: 'web/ui/',
    may: [...pure, protocolTypes, { path: 'web/ui/' }],
    libraries: ['svelte'],
    reason: 'web/ui is the building blocks of the page: they know neither the playground nor a panel.',
  },
  {
    of: 'web/meaning/',
    may: [{ path: 'web/ui/' }, { path: 'web/meaning/' }],
    libraries: ['svelte'],
    reason: 'web/meaning explains terms: it knows neither the playground nor a panel.',
  },
  {
    of: 'web/models/',
    may: [...pure, protocolTypes, { path: 'web/ui/' }, { path: 'web/models/' }],
    libraries: [],
    reason: 'web/models says what models there are: it knows neither the playground nor a panel.',
  },
  {
    of: 'web/presets/',
    may: [...pure, { path: 'web/presets/' }],
    libraries: [],
    reason: 'web/presets generates published plans and knows their papers: it imports the pure folders.',
  },
  {
    of: 'web/settings/',
    may: [
      ...pure,
      protocolTypes,
      settingTable,
      { path: 'web/ui/' },
      { path: 'web/models/' },
      { path: 'web/settings/' },
    ],
    libraries: ['svelte'],
    reason: 'web/settings is what a person can set: it knows neither the playground nor a panel.',
  },
  {
    of: 'web/playground/read-stored-run.ts',
    may: belowThePanels,
    libraries: ['valibot'],
    reason: checksWhatIsKept,
  },
  {
    of: 'web/playground/',
    may: [...belowThePanels, citationFile],
    libraries: pageLibraries,
    reason: `The playground knows no panel: it imports web/settings, web/models, web/ui and its neighbours. ${pageLooksAtTypes}`,
  },
  {
    of: 'web/experiments/',
    may: [...belowThePanels, ...experimentParts],
    libraries: pageLibraries,
    reason: `web/experiments is what the panels share that run experiments: it knows none of them. ${pageLooksAtTypes} It also imports worker/laboratory, which is pure.`,
  },
  {
    of: 'web/panels/panels.ts',
    may: [{ path: 'web/panels/' }, { path: 'web/ui/' }, { path: 'web/settings/tabs.ts' }, settingTable],
    libraries: ['svelte'],
    reason:
      'web/panels/panels.ts lists the panels: it imports their components and the names of forms and tabs, and nothing of the page around them.',
  },
  {
    of: 'web/panels/charts/',
    may: [...belowThePanels, { path: 'web/panels/charts/' }],
    libraries: ['svelte', 'uplot'],
    reason: `${panelsAreApart} ${pageLooksAtTypes} Charts are drawn with uplot, and only here.`,
  },
  {
    of: 'web/panels/compare/read-comparison.ts',
    may: [...belowThePanels, { path: 'web/panels/compare/' }],
    libraries: ['valibot'],
    reason: checksWhatIsKept,
  },
  {
    of: 'web/panels/compare/',
    may: [...belowThePanels, { path: 'web/experiments/' }, { path: 'web/panels/compare/' }],
    libraries: [...pageLibraries, 'diff'],
    reason: `${panelsAreApart} ${pageLooksAtTypes} This one also imports web/experiments. Texts are compared with diff, and only here.`,
  },
  {
    of: 'web/panels/laboratory/harness-zip.ts',
    may: [...belowThePanels, ...experimentParts, { path: 'web/panels/laboratory/' }],
    libraries: ['client-zip'],
    reason: 'The results of the harness leave the page as one file: harness-zip.ts alone makes it.',
  },
  {
    of: 'web/panels/laboratory/',
    may: [...belowThePanels, ...experimentParts, { path: 'web/panels/laboratory/' }],
    libraries: pageLibraries,
    reason: `${panelsAreApart} ${pageLooksAtTypes} This one also imports web/experiments, and worker/laboratory, which is pure.`,
  },
  {
    of: 'web/panels/throughput/read-throughput.ts',
    may: [...belowThePanels, ...experimentParts, { path: 'web/panels/throughput/' }],
    libraries: ['valibot'],
    reason: checksWhatIsKept,
  },
  {
    of: 'web/panels/throughput/',
    may: [...belowThePanels, ...experimentParts, { path: 'web/panels/throughput/' }],
    libraries: pageLibraries,
    reason: `${panelsAreApart} ${pageLooksAtTypes} This one also imports web/experiments, and worker/laboratory, which is pure.`,
  },
  {
    of: 'web/panels/heal/',
    may: [...belowThePanels, ...experimentParts, ...healingCosts, { path: 'web/panels/heal/' }],
    libraries: pageLibraries,
    reason: `${panelsAreApart} ${pageLooksAtTypes} This one also counts what a training will take.`,
  },
  {
    of: 'web/panels/',
    may: [...belowThePanels, { path: 'web/panels/{panel}/' }],
    libraries: pageLibraries,
    reason: `${panelsAreApart} ${pageLooksAtTypes} Its libraries are svelte and comlink, its storage is worker/storage.`,
  },
  {
    of: 'web/',
    may: [
      ...belowThePanels,
      { path: 'web/panels/panels.ts' },
      { path: 'web/shell/' },
      { path: 'web/security/' },
      { path: 'web/', direct: true },
    ],
    libraries: pageLibraries,
    reason: `The page takes its panels from web/panels/panels.ts, and never imports one. ${pageLooksAtTypes} Its libraries are svelte and comlink, its storage is worker/storage.`,
  },
  { of: 'tests/', may: 'import all of the project', libraries: 'any', reason: '' },
  {
    of: 'tools/',
    may: [{ path: 'worker/' }, { path: 'gpu/' }, { path: 'tools/' }],
    libraries: 'any',
    reason: 'Tools run the worker and the decoder: they import neither the page nor the tests.',
  },
];

/**
 * Folders of the worker, and which others each may import. All may import gpu, the protocol and the worker's root.
 *
 * @param {readonly (readonly [name: string, may: readonly string[]])[]} folders
 * @returns {Realm[]}
 */
function workerFolders(folders) {
  return folders.map(([name, may]) => ({
    of: `worker/${name}/`,
    may: [
      { path: 'gpu/' },
      { path: 'worker/', direct: true },
      { path: 'worker/protocol/' },
      settingTable,
      ...[name, ...may].map((folder) => ({ path: `worker/${folder}/` })),
    ],
    libraries: ['comlink'],
    reason: `worker/${name} imports gpu, worker and comlink, and of the worker's folders ${[name, 'protocol', 'settings', ...may].join(', ')} alone. Only worker/text/oniguruma.ts imports the library for tokenizers.`,
  }));
}

/**
 * @param {string} path
 * @param {string} place a file, or a folder if it ends in a slash
 */
const within = (path, place) => (place.endsWith('/') ? path.startsWith(place) : path === place);

/**
 * Why one import is against the table.
 *
 * @param {string} from      path of the importing file, from the root of the project, with slashes
 * @param {string} specifier what it imports, as written
 * @param {boolean} typesOnly
 * @returns {string | null} the reason, or null if the import is allowed
 */
function refusal(from, specifier, typesOnly) {
  const realm = realms.find(({ of }) => within(from, of));
  if (!realm) return null;
  if (specifier.startsWith('.')) {
    const target = posix.join(posix.dirname(from), specifier.replace(/\?.*$/, ''));
    const may = realm.may;
    if (may === 'import all of the project') return null;
    const panel = from.split('/')[2] ?? '';
    return may.some(
      ({ path, ...place }) =>
        within(target, path.replace('{panel}', panel)) &&
        (typesOnly || !place.typesOnly) &&
        (!place.direct || posix.dirname(target) === posix.dirname(path + 'x')),
    )
      ? null
      : realm.reason;
  }
  const { libraries } = realm;
  if (libraries === 'any') return null;
  return libraries.some((library) => specifier === library || specifier.startsWith(`${library}/`))
    ? null
    : realm.reason;
}

/** @type {import('eslint').Rule.RuleModule} */
export const importDirections = {
  meta: { type: 'problem', messages: { refused: '{{reason}}' }, schema: [] },
  create(context) {
    const from = relative(context.cwd, context.filename).split(sep).join('/');
    /**
     * @param {import('eslint').Rule.Node} node
     * @param {unknown} source
     * @param {boolean} typesOnly
     */
    const look = (node, source, typesOnly) => {
      if (typeof source !== 'string') return;
      const reason = refusal(from, source, typesOnly);
      if (reason !== null) context.report({ node, messageId: 'refused', data: { reason } });
    };
    /**
     * ESLint types its trees as plain JavaScript; these nodes have TypeScript's fields too.
     *
     * @typedef {{ source?: { value?: unknown } | null, importKind?: string, exportKind?: string }} TypeScriptFields
     *
     * @param {import('eslint').Rule.Node} node
     */
    const declaration = (node) => {
      const { source, importKind, exportKind } = /** @type {TypeScriptFields} */ (node);
      look(node, source?.value, importKind === 'type' || exportKind === 'type');
    };
    return {
      ImportDeclaration: declaration,
      ExportNamedDeclaration: declaration,
      ExportAllDeclaration: declaration,
      ImportExpression: declaration,
      /** @param {import('eslint').Rule.Node} node */
      TSImportType: (node) => look(node, /** @type {TypeScriptFields} */ (node).source?.value, true),
    };
  },
};
