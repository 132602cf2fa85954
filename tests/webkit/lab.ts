import { cpSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { inject } from 'vitest';
import { serveFolder, type StaticServer } from '../support/static-server.ts';
import { startWebKit, type StartedWebKit } from './start-webkit.ts';
import { complaints, watchSite } from './watched-site.ts';
import type { ElementRef, WebDriver } from './web-driver.ts';

const patienceMs = 50_000;

/** Elements that may have a role. WebKitGTK itself calls a number field a textbox and a select a button. */
const selectors = {
  button: 'button',
  checkbox: 'input[type=checkbox]',
  combobox: 'select',
  log: '[role=log]',
  radio: 'input[type=radio]',
  region: 'section, [role=region]',
  spinbutton: 'input[type=number]',
  status: 'output, [role=status]',
  tab: '[role=tab]',
  textbox: 'textarea, input[type=text], input[type=url], input:not([type])',
} as const;

type Role = keyof typeof selectors;

/** The built page in WebKit. Elements are found by role and name, as visitors find them. */
export class Lab {
  readonly driver: WebDriver;

  constructor(driver: WebDriver) {
    this.driver = driver;
  }

  /** Waits for an element, because parts of the page are loaded when they are needed. */
  async find(role: Role, name: string): Promise<ElementRef> {
    const endMs = performance.now() + patienceMs;
    for (;;) {
      const found: ElementRef[] = [];
      for (const element of await this.driver.findLabelled(selectors[role], name)) {
        // The page may have replaced the element since: then it has no name, and the next look finds its successor.
        if ((await this.driver.nameOf(element).catch(() => null)) === name) found.push(element);
      }
      const [element] = found;
      if (element && found.length === 1) return element;
      if (performance.now() > endMs)
        throw new Error(`${found.length} elements of role ${role} are called ${name}`);
      await pause();
    }
  }

  async press(button: string): Promise<void> {
    await this.driver.click(await this.find('button', button));
  }

  /** Opens a panel below the output. */
  async open(panel: string): Promise<void> {
    const region = await this.find('region', panel);
    const isOpen = () => this.driver.run((section) => section.querySelector('details')?.open ?? true, region);
    const endMs = performance.now() + patienceMs;
    do {
      // What stands above may grow just now: then a click misses.
      await this.driver.click(await this.driver.findIn(region, 'summary'));
      await pause();
    } while (!(await isOpen()) && performance.now() < endMs);
  }

  async choose(radio: string): Promise<void> {
    await this.driver.click(await this.find('radio', radio));
  }

  /** Replaces the text of a field by typing. */
  async fill(role: 'textbox' | 'spinbutton', name: string, text: string): Promise<void> {
    const field = await this.find(role, name);
    await this.driver.run((input) => {
      if (input instanceof HTMLInputElement || input instanceof HTMLTextAreaElement) input.select();
    }, field);
    await this.driver.type(field, text);
  }

  async select(combobox: string, value: string): Promise<void> {
    await this.driver.run(
      (select, wanted) => {
        if (select instanceof HTMLSelectElement) select.value = wanted;
        select.dispatchEvent(new Event('change', { bubbles: true }));
      },
      await this.find('combobox', combobox),
      value,
    );
  }

  async valueOf(role: 'textbox' | 'spinbutton' | 'combobox', name: string): Promise<string> {
    return this.driver.run(
      (field) => ('value' in field ? String(field.value) : ''),
      await this.find(role, name),
    );
  }

  async text(role: Role, name: string): Promise<string> {
    return this.driver.run((element) => element.textContent, await this.find(role, name));
  }

  /** Waits until the text of an element matches, and returns the text. */
  async until(role: Role, name: string, pattern: RegExp, patience = patienceMs): Promise<string> {
    return retry(() => this.text(role, name), pattern, `the ${role} ${name}`, patience);
  }

  /** Waits until the page says something anywhere. */
  async says(pattern: RegExp): Promise<string> {
    return retry(() => this.driver.run(() => document.body.innerText), pattern, 'the page');
  }

  /** Chooses files as a person does in the dialog of a button. */
  async openFiles(button: 'Open files', paths: readonly string[]): Promise<void> {
    await this.find('button', button);
    const [input] = await this.driver.findAll('input[type=file]:not([webkitdirectory])');
    if (!input) throw new Error(`nothing opens files beside the button ${button}`);
    await this.driver.type(input, paths.join('\n'));
  }

  /** Sets the sampling under which the text depends on the model alone. */
  async chooseGreedy(): Promise<void> {
    await this.fill('spinbutton', 'Temperature', '0');
    await this.fill('spinbutton', 'Top-p', '1');
    await this.fill('spinbutton', 'Repetition penalty', '1');
  }

  /**
   * Presses Generate, waits for the end of the run, and returns what was written. The number of tokens tells the end of
   * this run from that of the run before, so they must differ.
   */
  async generate(newTokens: number): Promise<string> {
    await this.fill('spinbutton', 'Max new tokens', String(newTokens));
    await this.press('Generate');
    await this.says(new RegExp(`Done: ${newTokens} tokens`));
    return this.text('region', 'Output');
  }

  /** Errors and warnings of the page and its workers, since the tab was opened. */
  async complaints(): Promise<readonly string[]> {
    return this.driver.run(complaints);
  }
}

export interface OpenedSite {
  /** A folder that exists as long as the browser. */
  readonly home: string;
  /** The size of a file among the browser's downloads, or null if there is none. */
  downloaded(name: string): number | null;
  /** Opens the page, or a link to it, in a new tab, and waits until it is ready. */
  visit(hash?: string, ready?: RegExp): Promise<Lab>;
  /** Stops the server. Everything that opens afterwards comes from this device. */
  stopServing(): Promise<void>;
  close(): Promise<void>;
}

/** Serves a copy of the built page, which records its complaints, under a sub-path like project pages, and starts WebKit. */
export async function openSite(): Promise<OpenedSite> {
  const folder = mkdtempSync(join(tmpdir(), 'kvtab-page-'));
  let server: StaticServer | undefined;
  let webKit: StartedWebKit | undefined;
  const close = async () => {
    await webKit?.stop();
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    cpSync(inject('builtSite'), folder, { recursive: true });
    watchSite(folder);
    const served = (server = await serveFolder(folder, '/some/project/'));
    const { driver, home } = (webKit = await startWebKit());
    return {
      home,
      downloaded: (name) => {
        const path = readdirSync(home, { encoding: 'utf8', recursive: true }).find(
          (file) => basename(file) === name,
        );
        return path === undefined ? null : statSync(join(home, path)).size;
      },
      visit: async (hash = '', ready = /Ready\./) => {
        await driver.replaceTab();
        await driver.visit(`${served.url}${hash}`);
        const lab = new Lab(driver);
        await lab.says(ready);
        return lab;
      },
      stopServing: () => served.stop(),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function retry(
  read: () => Promise<string>,
  pattern: RegExp,
  what: string,
  patience = patienceMs,
): Promise<string> {
  const endMs = performance.now() + patience;
  for (;;) {
    const text = await read();
    if (pattern.test(text)) return text;
    if (performance.now() > endMs) throw new Error(`${what} never said ${String(pattern)}: "${text}"`);
    await pause();
  }
}

const pause = () => new Promise((go) => setTimeout(go, 50));
