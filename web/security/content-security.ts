/**
 * What the page may do, as a Content-Security-Policy: use its own files, and send requests to https and to this
 * machine, which may serve models. Workers loaded over the network do not inherit it; `worker/request.ts` guards them.
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
  // `default` starts workers; Svelte makes its templates with the other one.
  'trusted-types': ['default', 'svelte-trusted-html'],
} as const;

/** The policy as the text of a header or a meta element. */
export const contentSecurity = Object.entries(directives)
  .map(([directive, sources]) => `${directive} ${sources.join(' ')}`)
  .join('; ');
