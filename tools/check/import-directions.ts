// Which folder may import what: the import table of this project as a lint rule. Anything unlisted is an error.
import { posix, relative, sep } from 'node:path';
import type { Rule } from 'eslint';

interface Allowed {
  /** A file, or a folder where it ends in a slash. */
  readonly path: string;
  readonly typesOnly?: true;
}

interface Realm {
  /** The files it is about: a file, or a folder where it ends in a slash. */
  readonly of: string;
  readonly may: readonly Allowed[] | 'import all of the project';
  readonly libraries: readonly string[] | 'any';
  readonly reason: string;
}

const planIsPure =
  'gpu/plan is pure and imports nothing from outside gpu/plan: the page and every test use it without a GPU.';
const gpuLooksDown = 'gpu knows nothing of text, files or pages: it imports nothing from outside gpu.';
const pageLooksAtTypes =
  'The page talks to the worker only through the types of worker/protocol, and plans only with gpu/plan.';

/** The first realm that a file is in counts. */
const realms: readonly Realm[] = [
  { of: 'gpu/plan/', may: [{ path: 'gpu/plan/' }], libraries: [], reason: planIsPure },
  {
    of: 'gpu/kernels/',
    may: [{ path: 'gpu/kernel.ts' }, { path: 'gpu/kernels/' }, { path: 'gpu/plan/' }],
    libraries: [],
    reason:
      'A kernel is a WGSL file and its declaration: it imports gpu/kernel.ts, its neighbours and gpu/plan.',
  },
  { of: 'gpu/', may: [{ path: 'gpu/' }], libraries: [], reason: gpuLooksDown },
  {
    of: 'worker/protocol.ts',
    may: [
      { path: 'gpu/', typesOnly: true },
      { path: 'worker/export/protocol.ts', typesOnly: true },
    ],
    libraries: [],
    reason: 'worker/protocol is types alone: it imports types of gpu and of worker/export/protocol.',
  },
  {
    of: 'worker/export/protocol.ts',
    may: [],
    libraries: [],
    reason: 'worker/export/protocol is types alone, and imports nothing.',
  },
  {
    of: 'worker/text/tokenizer.ts',
    may: [{ path: 'worker/' }],
    libraries: ['@huggingface/tokenizers'],
    reason:
      'worker/text/tokenizer.ts is the one importer of the tokenizer library, and looks only at worker.',
  },
  {
    of: 'worker/text/chat-template.ts',
    may: [{ path: 'worker/' }],
    libraries: ['@huggingface/jinja'],
    reason:
      'worker/text/chat-template.ts is the one importer of the template library, and looks only at worker.',
  },
  {
    of: 'worker/export/zip-sink.ts',
    may: [{ path: 'worker/' }],
    libraries: ['client-zip'],
    reason: 'worker/export/zip-sink.ts is the one importer of client-zip, and looks only at worker.',
  },
  {
    of: 'worker/storage/',
    may: [{ path: 'worker/storage/' }],
    libraries: ['idb-keyval'],
    reason:
      'worker/storage is what the page and its workers keep on the device: the one importer of idb-keyval, and of nothing else.',
  },
  {
    of: 'worker/hub/protocol.ts',
    may: [{ path: 'worker/protocol.ts', typesOnly: true }],
    libraries: [],
    reason: 'worker/hub/protocol is types alone: it imports types of worker/protocol and nothing else.',
  },
  {
    of: 'worker/hub/sha256.ts',
    may: [],
    libraries: ['hash-wasm'],
    reason: 'worker/hub/sha256.ts is the one importer of hash-wasm, and of nothing else.',
  },
  {
    of: 'worker/',
    may: [{ path: 'gpu/' }, { path: 'worker/' }],
    libraries: ['comlink'],
    reason:
      'The worker imports gpu, worker and comlink, and never the page. Only worker/text imports the libraries for tokenizers and templates, in one file each.',
  },
  {
    of: 'web/charts/',
    may: [{ path: 'gpu/plan/' }, { path: 'worker/protocol.ts', typesOnly: true }, { path: 'web/' }],
    libraries: ['svelte', 'uplot'],
    reason: `${pageLooksAtTypes} Charts are drawn with uplot, and only here.`,
  },
  {
    of: 'web/compare/',
    may: [{ path: 'gpu/plan/' }, { path: 'worker/protocol.ts', typesOnly: true }, { path: 'web/' }],
    libraries: ['svelte', 'diff'],
    reason: `${pageLooksAtTypes} Texts are compared with diff, and only here.`,
  },
  {
    of: 'web/',
    may: [
      { path: 'gpu/plan/' },
      { path: 'worker/protocol.ts', typesOnly: true },
      { path: 'worker/export/protocol.ts', typesOnly: true },
      { path: 'worker/hub/protocol.ts', typesOnly: true },
      { path: 'worker/storage/' },
      { path: 'web/' },
    ],
    libraries: ['svelte', 'comlink'],
    reason: `${pageLooksAtTypes} Its libraries are svelte and comlink, its storage is worker/storage.`,
  },
  { of: 'tests/', may: 'import all of the project', libraries: 'any', reason: '' },
  {
    of: 'tools/',
    may: [{ path: 'worker/' }, { path: 'gpu/' }, { path: 'tools/' }],
    libraries: 'any',
    reason: 'Tools run the worker and the decoder: they import neither the page nor the tests.',
  },
];

const within = (path: string, place: string) =>
  place.endsWith('/') ? path.startsWith(place) : path === place;

/**
 * Why one import is against the table.
 *
 * @param from      path of the importing file, from the root of the project, with slashes
 * @param specifier what it imports, as written
 * @returns the reason, or null where the import is allowed
 */
export function refusal(from: string, specifier: string, typesOnly: boolean): string | null {
  const realm = realms.find(({ of }) => within(from, of));
  if (!realm) return null;
  if (specifier.startsWith('.')) {
    const target = posix.join(posix.dirname(from), specifier.replace(/\?.*$/, ''));
    const may = realm.may;
    if (may === 'import all of the project') return null;
    return may.some((place) => within(target, place.path) && (typesOnly || !place.typesOnly))
      ? null
      : realm.reason;
  }
  const { libraries } = realm;
  if (libraries === 'any') return null;
  return libraries.some((library) => specifier === library || specifier.startsWith(`${library}/`))
    ? null
    : realm.reason;
}

export const importDirections: Rule.RuleModule = {
  meta: { type: 'problem', messages: { refused: '{{reason}}' }, schema: [] },
  create(context) {
    const from = relative(context.cwd, context.filename).split(sep).join('/');
    const look = (node: Rule.Node, source: unknown, typesOnly: boolean) => {
      if (typeof source !== 'string') return;
      const reason = refusal(from, source, typesOnly);
      if (reason !== null) context.report({ node, messageId: 'refused', data: { reason } });
    };
    // ESLint types its trees as plain JavaScript; these nodes have TypeScript's fields too.
    type WithSource = Rule.Node & {
      source?: { value?: unknown } | null;
      importKind?: string;
      exportKind?: string;
    };
    const declaration = (node: Rule.Node) => {
      const { source, importKind, exportKind } = node as WithSource;
      look(node, source?.value, importKind === 'type' || exportKind === 'type');
    };
    return {
      ImportDeclaration: declaration,
      ExportNamedDeclaration: declaration,
      ExportAllDeclaration: declaration,
      ImportExpression: declaration,
      TSImportType: (node: Rule.Node) => {
        look(node, (node as WithSource).source?.value, true);
      },
    };
  },
};
