import js from '@eslint/js';
import { createNodeResolver, importX } from 'eslint-plugin-import-x';
import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';
import { importDirections } from './tools/check/import-directions.ts';

const code = ['**/*.ts', '**/*.mjs', '**/*.svelte'];

export default defineConfig(
  // gpu/wasm/kernels is AssemblyScript, whose compiler checks it; its types are not TypeScript's.
  globalIgnores(['.stryker/', 'dist/', 'dist-headless/', 'test-results/', 'public/', 'gpu/wasm/kernels/']),
  {
    files: code,
    extends: [
      js.configs.recommended,
      tseslint.configs.strictTypeChecked,
      tseslint.configs.stylisticTypeChecked,
      svelte.configs.recommended,
    ],
    languageOptions: {
      parserOptions: {
        // The config files at the root are in the types of `tools`.
        projectService: { allowDefaultProject: ['*.config.ts'], defaultProject: 'tools/tsconfig.json' },
        tsconfigRootDir: import.meta.dirname,
        extraFileExtensions: ['.svelte'],
      },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    plugins: { 'import-x': importX, kvtab: { rules: { 'import-directions': importDirections } } },
    settings: {
      'import-x/resolver-next': [createNodeResolver()],
      'import-x/extensions': ['.ts', '.mjs'],
      'import-x/parsers': { '@typescript-eslint/parser': ['.ts', '.mjs'] },
    },
    rules: {
      'kvtab/import-directions': 'error',
      'import-x/no-cycle': 'error',
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
      'no-restricted-syntax': [
        'error',
        {
          selector: 'ExportAllDeclaration, ExportNamedDeclaration[source]',
          message: 'No barrels: import a thing from the file that defines it.',
        },
      ],
      eqeqeq: 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: true },
      ],
      // Numbers and booleans read well in a message.
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true, allowNullish: false },
      ],
      // `() => stop()` as a callback says nothing more with braces.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // It asks for the `!` that `no-non-null-assertion` forbids.
      '@typescript-eslint/non-nullable-type-assertion-style': 'off',
      // Reactive state is replaced whole here ($state.raw): the collections in it are never mutated.
      'svelte/prefer-svelte-reactivity': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    },
  },
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: tseslint.parser }, globals: globals.browser },
  },
  {
    files: ['tools/**/*.mjs'],
    languageOptions: { globals: globals.node },
    // These read JSON through a cast in JSDoc, which tsc honours and this rule cannot see.
    rules: { '@typescript-eslint/no-unsafe-assignment': 'off' },
  },
);
