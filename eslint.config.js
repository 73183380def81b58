import tseslint from 'typescript-eslint'

// Each rule that is not simply "recommended" carries its reason.
export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', '**/*.js'] },
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // A lost rejection in a daemon is a lost fault.
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { arguments: false } }],
      // A new command, record or state must be handled everywhere.
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      '@typescript-eslint/no-empty-function': 'off',
      'no-console': 'error',
    },
  },
  {
    // tap itself waits for the promise of t.test().
    files: ['**/*.test.ts'],
    rules: {
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: ['tap', '@tapjs/test', '@tapjs/core'].map(name => ({
            from: 'package',
            name: ['test', 'rejects', 'resolves', 'resolveMatch'],
            package: name,
          })),
        },
      ],
    },
  },
  {
    files: [
      '**/cli/**',
      '**/main.ts',
      'test/**',
      'scripts/**',
      'packages/simulator/src/demo/**',
      'packages/*/test/support/**',
    ],
    rules: { 'no-console': 'off' },
  },
)
