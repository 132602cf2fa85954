interface PolicyFactory {
  createPolicy(name: string, rules: { createScriptURL: (url: string) => string | null }): unknown;
}

/**
 * Lets this page start workers from its own folder and nothing else. It is the default policy of Trusted Types, which
 * the browser asks about every script address that is a string. It has to be the default one, because bundlers find a
 * worker only if it is started with a plain `new Worker(new URL(…))`.
 */
export function trustOwnScripts(pageUrl: string): void {
  // TypeScript does not know it yet, and not every browser has it.
  const { trustedTypes } = globalThis as { trustedTypes?: PolicyFactory };
  const folder = new URL('./', pageUrl).href;
  trustedTypes?.createPolicy('default', {
    createScriptURL: (url) => (isOwnScript(url, folder) ? url : null),
  });
}

/** Whether an address belongs to a script below a folder. */
export function isOwnScript(url: string, folder: string): boolean {
  if (!URL.canParse(url, folder)) return false;
  const { href, search, hash } = new URL(url, folder);
  return href.startsWith(folder) && search === '' && hash === '' && /\.(js|ts)$/.test(href);
}
