import { defineBrowserProvider } from '@vitest/browser';
import { launch, type Browser, type Page } from 'puppeteer-core';
import type { BrowserProvider, BrowserProviderOption } from 'vitest/node';
import { firefoxLaunch } from '../../tools/setup/find-firefox.mjs';

/**
 * Opens vitest's own page in Firefox, so that Firefox runs the same files as Chromium and Node. It uses
 * puppeteer-core over WebDriver BiDi, because Playwright drives only a Firefox of its own, which has no WebGPU.
 */
class FirefoxProvider implements BrowserProvider {
  readonly name = 'puppeteer';
  readonly supportsParallelism = false;
  readonly #pages = new Map<string, Page>();
  #browser: Promise<Browser> | undefined;

  async openPage(sessionId: string, url: string): Promise<void> {
    this.#browser ??= launch(firefoxLaunch());
    const page = await (await this.#browser).newPage();
    this.#pages.set(sessionId, page);
    await page.goto(url, { timeout: 0 });
  }

  getCommandsContext(sessionId: string): Record<string, unknown> {
    return { page: this.#pages.get(sessionId) };
  }

  async close(): Promise<void> {
    const browser = this.#browser;
    this.#browser = undefined;
    await (await browser)?.close();
  }
}

export const firefox = (): BrowserProviderOption =>
  defineBrowserProvider({
    name: 'puppeteer',
    options: {},
    providerFactory: () => new FirefoxProvider(),
  });
