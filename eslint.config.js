import js from '@eslint/js'
import svelte from 'eslint-plugin-svelte'
import { existsSync } from 'node:fs'
import globals from 'globals'
import ts from 'typescript-eslint'

/** The files that speak to a terminal; everything else goes through its logger. */
const COMMAND_LINE = ['main.ts', 'scripts/**', 'firmware-sim/cli.ts', 'test/**']

const PAGE_CONFIG = new URL('./dashboard/svelte.config.js', import.meta.url)
const svelteConfig = existsSync(PAGE_CONFIG) ? (await import(PAGE_CONFIG.href)).default : {}

export default ts.config(
  { ignores: ['node_modules/', 'data/', 'dashboard/build/', 'dashboard/.svelte-kit/', 'dashboard/static/'] },
  js.configs.recommended,
  {
    files: ['**/*.ts', '**/*.svelte'],
    extends: [ts.configs.recommendedTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, extraFileExtensions: ['.svelte'] }
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      // Fastify's handlers and our ports are async by contract, also where one has nothing to wait for.
      '@typescript-eslint/require-await': 'off',
      // Ours are objects of closures: no method here has a `this` to lose.
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }]
    }
  },
  {
    languageOptions: { globals: globals.node },
    rules: { eqeqeq: 'error', 'no-console': 'error' }
  },
  { files: COMMAND_LINE, rules: { 'no-console': 'off' } },
  // Vitest's asymmetric matchers, such as expect.stringContaining, are `any`.
  { files: ['test/**'], rules: { '@typescript-eslint/no-unsafe-assignment': 'off' } },
  ...svelte.configs.recommended,
  {
    files: ['dashboard/src/**'],
    languageOptions: { globals: globals.browser },
    rules: {
      // svelte-check owns types in the page; templates reach ESLint without them.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      'svelte/no-navigation-without-resolve': 'off',
      // Props are one statement, some of them bound and some not.
      'prefer-const': ['error', { destructuring: 'all' }]
    }
  },
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: ts.parser, svelteConfig } }
  }
)
