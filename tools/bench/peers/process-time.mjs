// The processor time of a process and all that it started, which other work on the machine hardly changes.
import { readdirSync, readFileSync } from 'node:fs';

/** Linux counts in hundredths of a second. */
const TICK_MS = 10;

/** @param {number} pid */
function statOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name may hold spaces; after it come state, parent, …, and as the 12th and 13th the times in user and system.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) };
  } catch {
    return null; // it has ended
  }
}

/**
 * @param {number} root a process
 * @returns {number | null} milliseconds; null where there is no /proc
 */
export function processTimeMs(root) {
  /** @type {string[]} */
  let names;
  try {
    names = readdirSync('/proc');
  } catch {
    return null;
  }
  const stats = new Map(
    names.flatMap((name) => {
      const stat = /^\d+$/.test(name) ? statOf(Number(name)) : null;
      return stat ? [/** @type {const} */ ([Number(name), stat])] : [];
    }),
  );
  /** @param {number} pid */
  const isWithin = (pid) => {
    for (let at = pid; at > 1; at = stats.get(at)?.parent ?? 0) if (at === root) return true;
    return false;
  };
  let ticks = 0;
  for (const [pid, stat] of stats) if (isWithin(pid)) ticks += stat.ticks;
  return ticks * TICK_MS;
}
