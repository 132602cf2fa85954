import js from '@eslint/js';
import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';
import { importDirections } from './tools/check/import-directions.ts';

const svelteFiles = ['**/*.svelte'];

/**
 * What Oxlint (.oxlintrc.json), which is many times as fast, does not do: components, and the rules of this project.
 * TypeScript and JavaScript outside components are Oxlint's, types included.
 */
export default defineConfig(
  // gpu/wasm/kernels is AssemblyScript, whose compiler checks it; its types are not TypeScript's.
  globalIgnores(['.stryker/', 'dist/', 'dist-headless/', 'test-results/', 'public/', 'gpu/wasm/kernels/']),
  {
    files: ['**/*.ts', '**/*.mjs', ...svelteFiles],
    languageOptions: { parser: tseslint.parser },
    plugins: { kvtab: { rules: { 'import-directions': importDirections } } },
    rules: {
      'kvtab/import-directions': 'error',
      'no-restricted-syntax': [
        'error',
        {
          selector: 'ExportAllDeclaration, ExportNamedDeclaration[source]',
          message: 'No barrels: import a thing from the file that defines it.',
        },
      ],
    },
  },
  {
    files: svelteFiles,
    extends: [
      js.configs.recommended,
      tseslint.configs.strictTypeChecked,
      tseslint.configs.stylisticTypeChecked,
      svelte.configs.recommended,
    ],
    languageOptions: {
      globals: globals.browser,
      parserOptions: {
        parser: tseslint.parser,
        projectService: true,
        tsconfigRootDir: import.meta.dirname,
        extraFileExtensions: ['.svelte'],
      },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    // The other rules are as in .oxlintrc.json.
    rules: {
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
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
);
