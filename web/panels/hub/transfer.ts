import type { Transfer } from '../../playground/transfer.ts';
import type { Running } from './download.ts';
import type { Keeping } from './shipped.svelte.ts';
import { downloadLine, keepingLine, words } from './words.ts';

/** What the page says of a download beside Generate; null if there is none. */
export function transferOf(running: Running | null, keeping: Keeping): Transfer | null {
  if (running) {
    const { loadedBytes, totalBytes } = running;
    const fraction = totalBytes > 0 ? loadedBytes / totalBytes : null;
    return { text: downloadLine(running), fraction };
  }
  if (keeping.at !== 'keeping') return null;
  const { fetchedBytes, totalBytes } = keeping;
  const text = keepingLine(keeping, { pageIsKept: true, whole: false, count: 0 });
  return {
    text: `${words.offline.title}. ${text}`,
    fraction: totalBytes ? Math.min(1, fetchedBytes / totalBytes) : null,
  };
}
