// The rules of this project, for both linters: Oxlint runs them on TypeScript and JavaScript, ESLint on components.
import { importDirections } from './import-directions.mjs';

/** @type {import('eslint').Rule.RuleModule} */
const noBarrels = {
  meta: {
    type: 'problem',
    messages: { barrel: 'No barrels: import a thing from the file that defines it.' },
    schema: [],
  },
  create(context) {
    /** @param {import('eslint').Rule.Node} node */
    const refuse = (node) => context.report({ node, messageId: 'barrel' });
    return { ExportAllDeclaration: refuse, 'ExportNamedDeclaration[source]': refuse };
  },
};

/** @type {import('eslint').ESLint.Plugin} */
export default {
  meta: { name: 'kvtab' },
  rules: { 'import-directions': importDirections, 'no-barrels': noBarrels },
};
