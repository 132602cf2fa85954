import { spawn } from 'node:child_process';
import { delimiter, resolve as resolvePath } from 'node:path';

const programs = resolvePath(import.meta.dirname, '../../node_modules/.bin');

/**
 * Runs one command of this project to its end.
 *
 * @param {readonly string[]} command a program of node_modules/.bin or of the PATH, and its arguments
 * @param {{ show: boolean, limitMs: number, env?: Record<string, string> }} options
 *   show: pass its output on as it comes instead of collecting it
 * @returns {Promise<{ code: number | string, output: string, elapsedMs: number }>} code: its exit code, or in words
 *   what ended it
 */
export function runCommand(command, { show, limitMs, env = {} }) {
  const startMs = performance.now();
  const [program = '', ...args] = command;
  const windows = process.platform === 'win32';
  const child = spawn(program, args, {
    stdio: ['ignore', show ? 'inherit' : 'pipe', show ? 'inherit' : 'pipe'],
    env: { ...process.env, PATH: `${programs}${delimiter}${process.env['PATH'] ?? ''}`, ...env },
    // Its own process group, so that the browsers and servers that it started end with it.
    detached: !windows,
    shell: windows,
  });

  let output = '';
  child.stdout?.on('data', (chunk) => (output += String(chunk)));
  child.stderr?.on('data', (chunk) => (output += String(chunk)));

  const end = () => {
    if (child.pid === undefined) return;
    if (windows) child.kill('SIGKILL');
    else process.kill(-child.pid, 'SIGKILL');
  };
  const interrupted = () => {
    end();
    process.exit(130);
  };
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);

  return new Promise((resolve) => {
    let tooLong = false;
    const limit = setTimeout(() => {
      tooLong = true;
      end();
    }, limitMs);
    /** @param {number | string} code */
    const settle = (code) => {
      clearTimeout(limit);
      process.off('SIGINT', interrupted);
      process.off('SIGTERM', interrupted);
      resolve({ code, output, elapsedMs: performance.now() - startMs });
    };
    child.once('error', (error) => settle(error.message));
    child.once('close', (code, signal) =>
      settle(
        tooLong ? `stopped after ${limitMs / 60_000} minutes` : (code ?? `ended by ${signal ?? 'nobody'}`),
      ),
    );
  });
}
