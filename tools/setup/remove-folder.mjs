import { setTimeout } from 'node:timers/promises';
import { rm } from 'node:fs/promises';

const pauseMs = 100;

/**
 * Removes the folder of a browser that was just closed. Its helper processes may still write there, and `rm` gives up
 * when a folder that it emptied has a file again, so all of it is tried again. A folder that stays is left to the system:
 * what a test claims does not depend on it.
 *
 * @param {string} folder
 * @param {number} patienceMs
 * @returns {Promise<boolean>} whether it is gone
 */
export async function removeFolder(folder, patienceMs = 5000) {
  const endMs = performance.now() + patienceMs;
  for (;;) {
    try {
      await rm(folder, { recursive: true, force: true });
      return true;
    } catch {
      if (performance.now() > endMs) return false;
    }
    await setTimeout(pauseMs);
  }
}
