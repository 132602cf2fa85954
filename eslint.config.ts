import js from '@eslint/js';
import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';
import ownRules from './tools/check/lint-rules.mjs';

/**
 * Components, which Oxlint (.oxlintrc.json) does not read. It does the rest, many times as fast, types included.
 */
export default defineConfig(
  // Else ESLint reads every file of JavaScript too.
  globalIgnores(['**/*.{js,mjs,cjs,ts}', '.stryker/', 'dist/', 'dist-headless/', 'test-results/', 'public/']),
  {
    files: ['**/*.svelte'],
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
    plugins: { kvtab: ownRules },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    // The other rules are as in .oxlintrc.json.
    rules: {
      'kvtab/import-directions': 'error',
      'kvtab/no-barrels': 'error',
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
