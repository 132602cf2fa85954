import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { root } from '../setup/build-for-node.mjs';

function commit() {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim();
  } catch {
    return null; // an archive of the sources
  }
}

/** What every measurement names: a figure without them cannot be compared with another. */
export const whereMeasured = () => ({
  machine: { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, node: process.version },
  commit: commit(),
});
