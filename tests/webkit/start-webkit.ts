import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { webKitOrFail } from '../../tools/setup/find-webkit.mjs';
import { freePort } from '../../tools/setup/free-port.mjs';
import { removeFolder } from '../../tools/setup/remove-folder.mjs';
import { WebDriver } from './web-driver.ts';

const patienceMs = 20_000;

/** Safari offers these, and WebKitGTK only on request. WebKitGTK has no WebGPU. */
const safariFeatures = ['StorageAPI', 'StorageAPIEstimate', 'FileSystem', 'FileSystemWritableStream'];

export interface StartedWebKit {
  readonly driver: WebDriver;
  /** The home folder of the browser, where its downloads go. */
  readonly home: string;
  stop(): Promise<void>;
}

/** Starts WebKitGTK on its own display. What it stores lasts as long as it runs. */
export async function startWebKit(): Promise<StartedWebKit> {
  const { driver, browser, xServer } = webKitOrFail();
  const home = mkdtempSync(join(tmpdir(), 'kvtab-webkit-'));
  const started: ChildProcess[] = [];
  const stop = async () => {
    for (const process of started.reverse()) await end(process);
    await removeFolder(home);
  };
  try {
    const screen = spawn(xServer, ['-displayfd', '3', '-screen', '0', '1280x1000x24', '-nolisten', 'tcp'], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    });
    started.push(screen);
    const display = await firstLine(screen.stdio[3] as Readable); // file descriptor 3 is a pipe
    const port = await freePort();
    started.push(
      spawn(driver, [`--port=${port}`, '--host=127.0.0.1'], {
        stdio: 'ignore',
        env: {
          ...process.env,
          DISPLAY: `:${display}`,
          HOME: home,
          XDG_RUNTIME_DIR: home,
          // As on many servers. `navigator.language` is then "C", which is no language tag, and libraries stumble over it.
          LC_ALL: 'C',
          // WebKit's sandbox needs privileges that a container lacks. The page under test is this project's own.
          WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: '1',
        },
      }),
    );
    const address = `http://127.0.0.1:${port}`;
    await answers(address);
    const session = await WebDriver.open(address, {
      'webkitgtk:browserOptions': {
        binary: browser,
        args: ['--automation', `--features=${safariFeatures.map((feature) => `+${feature}`).join(',')}`],
      },
      timeouts: { script: 60_000 },
    });
    return {
      driver: session,
      home,
      stop: async () => {
        await session.close().catch(() => undefined); // the driver ends the browser too
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function firstLine(stream: Readable): Promise<string> {
  return new Promise((resolve, reject) => {
    const tooLate = setTimeout(() => reject(new Error('Xvfb named no display')), patienceMs);
    stream.once('data', (text) => {
      clearTimeout(tooLate);
      resolve(String(text).trim());
    });
  });
}

async function answers(address: string): Promise<void> {
  const endMs = performance.now() + patienceMs;
  for (;;) {
    try {
      await fetch(`${address}/status`);
      return;
    } catch (error) {
      if (performance.now() > endMs) throw error;
      await new Promise((go) => setTimeout(go, 50));
    }
  }
}

function end(process: ChildProcess): Promise<void> {
  if (process.exitCode !== null || process.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    process.once('exit', () => resolve());
    process.kill();
  });
}
