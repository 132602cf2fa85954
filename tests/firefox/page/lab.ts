import { join, resolve } from 'node:path';
import { launch, type Browser, type ElementHandle, type Page } from 'puppeteer-core';
import { preview } from 'vite';
import { inject } from 'vitest';
import { firefoxLaunch } from '../../../tools/setup/find-firefox.mjs';
import { freePort } from '../../../tools/setup/free-port.mjs';

const root = resolve(import.meta.dirname, '../../..');
const patienceMs = 50_000;

/** The built page in Firefox. Elements are found by role and name, as visitors find them. */
export interface Lab {
  readonly page: Page;
  find(role: string, name: string): Promise<ElementHandle>;
  press(button: string): Promise<void>;
  fill(role: string, name: string, text: string): Promise<void>;
  text(role: string, name: string): Promise<string>;
  /** Waits until the text of an element matches, and returns the text. */
  until(role: string, name: string, pattern: RegExp): Promise<string>;
  /** Waits until the page says something anywhere. */
  says(pattern: RegExp): Promise<void>;
}

export interface OpenedSite {
  /** Opens the page, or a link to it, in a new tab, and waits until it is ready. */
  visit(hash?: string, ready?: RegExp): Promise<Lab>;
  /** Stops the server. Everything that opens afterwards comes from this device. */
  stopServing(): Promise<void>;
  close(): Promise<void>;
}

/** Serves the built page, and starts Firefox. */
export async function openSite(): Promise<OpenedSite> {
  const server = await preview({
    configFile: join(root, 'vite.config.ts'),
    build: { outDir: inject('builtSite') },
    preview: { port: await freePort(), strictPort: true },
  });
  const url = server.resolvedUrls?.local[0];
  if (url === undefined) throw new Error('the preview server has no address');
  let browser: Browser | undefined;
  const close = async () => {
    await browser?.close();
    await server.close();
  };
  try {
    browser = await launch(firefoxLaunch());
  } catch (error) {
    await close();
    throw error;
  }
  const opened = browser;
  return {
    visit: async (hash = '', ready = /Ready\./) => {
      for (const page of (await opened.pages()).slice(1)) await page.close();
      const page = await opened.newPage();
      await page.goto(`${url}${hash}`);
      const lab = openLab(page);
      await lab.says(ready);
      return lab;
    },
    stopServing: () => server.close(),
    close,
  };
}

function openLab(page: Page): Lab {
  /**
   * Waits for an element, because parts of the page are loaded when they are needed. Firefox asks each element of the page
   * for its role and name, and the page stands still meanwhile: on two busy cores for seconds. So it looks seldom, and who
   * waits for a text must not look for its element again and again.
   */
  const find = async (role: string, name: string) => {
    const endMs = performance.now() + patienceMs;
    for (;;) {
      const found = await page.$$(`::-p-aria([name="${name}"][role="${role}"])`);
      const [element] = found;
      if (element && found.length === 1) return element;
      if (found.length > 1 || performance.now() > endMs)
        throw new Error(`${found.length} elements of role ${role} are called ${name}`);
      await new Promise((go) => setTimeout(go, 1000));
    }
  };
  const text = async (role: string, name: string) =>
    (await find(role, name)).evaluate((element) => element.textContent);
  return {
    page,
    find,
    text,
    press: async (button) => (await find('button', button)).click(),
    fill: async (role, name, wanted) => {
      const element = await find(role, name);
      await element.evaluate((input) => {
        if (input instanceof HTMLInputElement || input instanceof HTMLTextAreaElement) input.select();
      });
      await element.type(wanted);
    },
    until: async (role, name, pattern) => {
      let element = await find(role, name);
      const newest = async () => {
        const said = await element.evaluate((seen) => (seen.isConnected ? seen.textContent : null));
        if (said !== null) return said;
        element = await find(role, name);
        return element.evaluate((seen) => seen.textContent);
      };
      return retry(newest, pattern, `the ${role} ${name}`);
    },
    says: async (pattern) => {
      await retry(() => page.evaluate(() => document.body.innerText), pattern, 'the page');
    },
  };
}

async function retry(read: () => Promise<string>, pattern: RegExp, what: string): Promise<string> {
  const endMs = performance.now() + patienceMs;
  for (;;) {
    const text = await read();
    if (pattern.test(text)) return text;
    if (performance.now() > endMs) throw new Error(`${what} never said ${String(pattern)}: "${text}"`);
    await new Promise((go) => setTimeout(go, 50));
  }
}
