import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const channelName = 'kvtab-complaints';

/**
 * Makes a built page record the errors and warnings of its console, also in workers. WebDriver cannot read
 * the console, and WebKit prints nothing for a page whose storage does not last.
 *
 * The records are in the session storage of the tab, which survives a reload.
 */
export function watchSite(folder: string): void {
  const assets = join(folder, 'assets');
  const entries = readdirSync(assets).filter((file) => /^(index|main)-.*\.js$/.test(file));
  if (entries.length < 4) throw new Error('the page and its three workers have an entry each');
  for (const entry of entries) {
    const path = join(assets, entry);
    writeFileSync(path, `(${String(watch)})(${JSON.stringify(channelName)});${readFileSync(path, 'utf8')}`);
  }
}

/** Runs in the page. Returns the records, also of what the last step of a test does to the next frames. */
export async function complaints(): Promise<readonly string[]> {
  const frame = () => new Promise((go) => requestAnimationFrame(go));
  for (let frames = 0; frames < 4; frames++) await frame();
  return JSON.parse(sessionStorage.getItem('complaints') ?? '[]') as string[];
}

/** Runs in the page and in every worker. */
function watch(channelName: string): void {
  const channel = new BroadcastChannel(channelName);
  const inPage = 'sessionStorage' in globalThis;
  const note = (complaint: string) => {
    if (!inPage) {
      channel.postMessage(complaint);
      return;
    }
    const noted = JSON.parse(sessionStorage.getItem('complaints') ?? '[]') as string[];
    sessionStorage.setItem('complaints', JSON.stringify([...noted, complaint]));
  };
  for (const level of ['error', 'warn'] as const) {
    const print = console[level].bind(console);
    console[level] = (...words: unknown[]) => {
      note(`console.${level}: ${words.map(String).join(' ')}`);
      print(...words);
    };
  }
  addEventListener('error', (event) => note(`error: ${event.message}`));
  addEventListener('unhandledrejection', (event) => note(`unhandled rejection: ${String(event.reason)}`));
  if (inPage) {
    channel.onmessage = (event: MessageEvent<string>) => note(`in a worker: ${event.data}`);
    document.addEventListener('securitypolicyviolation', (event) => {
      note(`refused by the policy: ${event.effectiveDirective} ${event.blockedURI}`);
    });
  }
}
