import { expect, it } from 'vitest';
import { readModule } from '../../../tools/check/built-modules.mjs';
import { initialScripts } from '../../../tools/check/page-size.mjs';
import { checkWorkerEntries } from '../../../tools/check/worker-entries.mjs';

const modulesOf = (files: Readonly<Record<string, string>>) =>
  new Map(Object.entries(files).map(([name, code]) => [name, readModule(name, code)]));

/** How Vite writes it. */
const startsMain =
  'new Worker(new URL(/* @vite-ignore */ `/assets/main-1.js`,``+import.meta.url),{type:`module`});';
/** How Vite writes it in a worker that starts another one. */
const startsText =
  'export const f=()=>new Worker(new URL(new URL(`text-1.js`,import.meta.url).href,``+import.meta.url),{type:`module`});';

const sound = {
  'index.js': startsMain,
  'main-1.js': 'import{t as e}from"./worker-1.js";e();',
  'worker-1.js': `const u=()=>import(\`./backend-1.js\`);${startsText}export{u as t};`,
  'text-1.js': 'import"./worker-2.js";',
  'worker-2.js': 'console.log(1);',
  'backend-1.js': 'import{t}from"./worker-1.js";t();',
};

it('Finds the entry of every worker, also of one that another worker starts', () => {
  expect(checkWorkerEntries(modulesOf(sound))).toEqual({ entries: ['main-1.js', 'text-1.js'], faults: [] });
});

it.each([
  ['imports it statically', 'import{t}from"./main-1.js";t();'],
  ['imports it for its side effects', 'import"./main-1.js";'],
  ['imports it dynamically', 'import("./main-1.js");'],
  ['exports from it', 'export{t}from"./main-1.js";'],
  ['exports all of it', 'export*from"./main-1.js";'],
])('A chunk that %s makes the entry run twice', (_, code) => {
  const { faults } = checkWorkerEntries(modulesOf({ ...sound, 'backend-1.js': code }));
  expect(faults).toEqual(['backend-1.js imports the worker entry main-1.js']);
});

it('An entry with exports is a fault even if nothing imports it', () => {
  const { faults } = checkWorkerEntries(modulesOf({ ...sound, 'main-1.js': 'export const t=1;' }));
  expect(faults).toEqual(['the worker entry main-1.js has exports']);
});

it('A worker or an import whose file is computed is a fault, because the check cannot see it', () => {
  const { faults } = checkWorkerEntries(
    modulesOf({ ...sound, 'backend-1.js': 'new SharedWorker(f());import(g);' }),
  );
  expect(faults).toEqual([
    'backend-1.js has a new SharedWorker() whose file cannot be read from the script',
    'backend-1.js has an import() whose file cannot be read from the script',
  ]);
});

it('A worker whose file is missing from the build is a fault', () => {
  const { faults } = checkWorkerEntries(modulesOf({ 'index.js': startsMain }));
  expect(faults).toEqual(['main-1.js is started as a worker, and the build has no such file']);
});

it('The initial scripts are the page’s, what they import, and the workers that start with them', () => {
  expect(initialScripts(['index.js'], modulesOf(sound))).toEqual([
    'index.js',
    'main-1.js',
    'worker-1.js',
    'text-1.js',
    'worker-2.js',
  ]);
});

it('Only the chunk that loads a script of others may compute an address, and only of an import', () => {
  const { faults } = checkWorkerEntries(
    modulesOf({ ...sound, 'transformers-js-1.js': 'import(g);new Worker(f());' }),
  );
  expect(faults).toEqual([
    'transformers-js-1.js has a new Worker() whose file cannot be read from the script',
  ]);
});
