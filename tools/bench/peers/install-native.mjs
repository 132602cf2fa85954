// Fetches native llama.cpp for this bench alone: node-llama-cpp with its prebuilt program, into an ignored folder.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../setup/build-for-node.mjs';

export const NATIVE_VERSION = '3.22.1';

/** @type {Readonly<Record<string, string>>} */
const platforms = {
  'linux-x64': 'linux-x64',
  'linux-arm64': 'linux-arm64',
  'darwin-x64': 'mac-x64',
  'darwin-arm64': 'mac-arm64-metal',
  'win32-x64': 'win-x64',
  'win32-arm64': 'win-arm64',
};

/** @returns {string} the folder that holds its `node_modules` */
export function installNative() {
  const here = `${process.platform}-${process.arch}`;
  const platform = platforms[here];
  if (platform === undefined) throw new Error(`node-llama-cpp has no program for ${here}`);
  const folder = join(root, 'node_modules', '.cache', `kvtab-peers-${NATIVE_VERSION}`);
  if (existsSync(join(folder, 'installed'))) return folder;
  process.stderr.write(`bench: fetching node-llama-cpp ${NATIVE_VERSION} for ${here}\n`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  const packages = [
    `node-llama-cpp@${NATIVE_VERSION}`,
    // The others are builds for other machines and for CUDA.
    `@node-llama-cpp/${platform}@${NATIVE_VERSION}`,
  ];
  const quiet = ['--ignore-scripts', '--omit=optional', '--no-audit', '--no-fund', '--save-exact'];
  execFileSync('npm', ['install', ...quiet, ...packages], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  });
  writeFileSync(join(folder, 'installed'), '');
  return folder;
}
