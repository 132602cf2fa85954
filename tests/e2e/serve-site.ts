import { fileURLToPath } from 'node:url';
import type { FullConfig } from 'playwright/test';
import { isolation } from '../../tools/setup/isolation.mjs';
import { buildSite } from '../support/build-site.ts';
import { serveFolder } from '../support/static-server.ts';

/**
 * Serves the built page to every story: Playwright calls this before the first one, and what it returns after the last.
 * `npm test` builds once for all suites. The stories in Firefox hold that `vite preview` serves the page too.
 */
export default async function serveSite({ projects }: FullConfig): Promise<() => Promise<void>> {
  const dist = fileURLToPath(new URL('../../dist', import.meta.url));
  const built = process.env['KVTAB_BUILT_SITE'];
  if (built === undefined) buildSite(dist);
  const { port } = new URL(String(projects[0]?.use.baseURL));
  const server = await serveFolder(built ?? dist, '/', isolation, Number(port));
  return () => server.stop();
}
