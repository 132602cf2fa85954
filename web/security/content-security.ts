/**
 * What the page may do, as a Content-Security-Policy: its own files, and requests to https and to this machine, where
 * somebody may serve models. Workers that are loaded over the network do not inherit it; theirs is `worker/request.ts`.
 */
const directives = {
  'default-src': ["'none'"],
  'script-src': ["'self'"],
  'worker-src': ["'self'"],
  'style-src': ["'self'"],
  'img-src': ["'self'"],
  'manifest-src': ["'self'"],
  'connect-src': ["'self'", 'https:', 'http://localhost:*', 'http://127.0.0.1:*'],
  'base-uri': ["'none'"],
  'form-action': ["'none'"],
  'require-trusted-types-for': ["'script'"],
  // `default` lets workers be started, the other one is how Svelte makes its templates.
  'trusted-types': ['default', 'svelte-trusted-html'],
} as const;

/** The policy as the text of a header or a meta element. */
export const contentSecurity = Object.entries(directives)
  .map(([directive, sources]) => `${directive} ${sources.join(' ')}`)
  .join('; ');
