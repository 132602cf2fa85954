// What the scripts of a built page load and start, read from the scripts themselves.
import { parseSync, Visitor } from 'vite';

/**
 * @typedef {object} BuiltModule
 * @property {boolean} hasExports
 * @property {readonly string[]} imports      files that it imports statically, by name without folder
 * @property {readonly string[]} importsLater files that it imports dynamically
 * @property {readonly string[]} workers      files that it starts as workers
 * @property {readonly string[]} unreadable   imports and workers whose file is not written out as one string
 */

const fileName = (/** @type {string} */ path) => path.split('/').at(-1) ?? path;

/**
 * @param {unknown} node of a syntax tree
 * @returns {string[]} the strings in it, in order
 */
function stringsIn(node) {
  if (typeof node !== 'object' || node === null) return [];
  if ('type' in node && node.type === 'Literal' && 'value' in node && typeof node.value === 'string') {
    return [node.value];
  }
  if ('type' in node && node.type === 'TemplateElement' && 'value' in node) {
    const { value } = node;
    return typeof value === 'object' && value !== null && 'raw' in value ? [String(value.raw)] : [];
  }
  return Object.values(node).flatMap(stringsIn);
}

const scriptsIn = (/** @type {unknown} */ node) =>
  stringsIn(node)
    .filter((text) => text.endsWith('.js'))
    .map(fileName);

/**
 * @param {string} name
 * @param {string} code
 * @returns {BuiltModule}
 */
export function readModule(name, code) {
  const { program, module, errors } = parseSync(name, code);
  if (errors[0]) throw new Error(`${name}: ${errors[0].message}`);
  /** @type {{ importsLater: string[], workers: string[], unreadable: string[] }} */
  const found = { importsLater: [], workers: [], unreadable: [] };
  const note = (/** @type {string[]} */ list, /** @type {unknown} */ node, /** @type {string} */ what) => {
    const [script, ...others] = scriptsIn(node);
    if (script === undefined || others.length > 0) found.unreadable.push(what);
    else list.push(script);
  };
  new Visitor({
    ImportExpression: ({ source }) => note(found.importsLater, source, 'an import()'),
    NewExpression: ({ callee, arguments: given }) => {
      if (callee.type !== 'Identifier' || !/^(Shared)?Worker$/.test(callee.name)) return;
      note(found.workers, given[0], `a new ${callee.name}()`);
    },
  }).visit(program);
  return {
    hasExports: module.staticExports.length > 0,
    imports: [
      ...module.staticImports.map(({ moduleRequest }) => fileName(moduleRequest.value)),
      // export … from
      ...module.staticExports.flatMap(({ entries }) =>
        entries.flatMap(({ moduleRequest }) => (moduleRequest ? [fileName(moduleRequest.value)] : [])),
      ),
    ],
    ...found,
  };
}
