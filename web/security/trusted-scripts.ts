interface PolicyFactory {
  createPolicy(name: string, rules: { createScriptURL: (url: string) => string | null }): unknown;
}

/**
 * Lets this page start workers from its own folder and nothing else. It is the default policy of Trusted Types, which
 * the browser asks about every script address that comes as a string: a bundler only finds a worker that is started
 * with a plain `new Worker(new URL(…))`.
 */
export function trustOwnScripts(pageUrl: string): void {
  // Not in TypeScript's own description of a window yet, and not in every browser.
  const { trustedTypes } = globalThis as { trustedTypes?: PolicyFactory };
  const folder = new URL('./', pageUrl).href;
  trustedTypes?.createPolicy('default', {
    createScriptURL: (url) => (isOwnScript(url, folder) ? url : null),
  });
}

/** Whether an address is of a script below a folder. */
export function isOwnScript(url: string, folder: string): boolean {
  if (!URL.canParse(url, folder)) return false;
  const { href, search, hash } = new URL(url, folder);
  return href.startsWith(folder) && search === '' && hash === '' && /\.(js|ts)$/.test(href);
}
