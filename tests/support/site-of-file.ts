import { afterAll, beforeEach } from 'vitest';

/**
 * One site for the tests of a file. Another attempt at a test gets a new one, in a new browser: what the first attempt left
 * there may be stuck, or stored.
 *
 * @param open serves the page, and starts a browser
 */
export function siteOfFile<Site extends { close(): Promise<void> }>(open: () => Promise<Site>): () => Site {
  let site: Site | null = null;
  const close = async () => {
    const opened = site;
    site = null;
    await opened?.close();
  };
  beforeEach(async ({ task }) => {
    if ((task.result?.retryCount ?? 0) > 0) await close();
    site ??= await open();
  });
  afterAll(close);
  return () => {
    if (!site) throw new Error('only a test has a site');
    return site;
  };
}
