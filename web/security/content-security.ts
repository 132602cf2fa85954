/**
 * What the page may do, as a Content-Security-Policy: use its own files and nothing else. Workers that are loaded over
 * the network do not inherit it, so the Hub's worker can ask other servers; `worker/request.ts` guards what it asks.
 * docs/security.md says what a policy in a meta element cannot do.
 */
const directives = {
  'default-src': ["'none'"],
  'script-src': ["'self'"],
  'worker-src': ["'self'"],
  'style-src': ["'self'"],
  'img-src': ["'self'"],
  'manifest-src': ["'self'"],
  'connect-src': ["'self'"],
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
