import type { Playground } from './playground.svelte.ts';
import { readUnwritten } from './read-unwritten.ts';
import { restBeforeLink } from './rest-before-link.ts';
import { decodeHash, encodeHash, withTab, type Decoded } from '../settings/hash.ts';

/** Changes of one field within this time are one entry of the browser's history. */
const SAME_ENTRY_MS = 3000;
/** A reload may have chosen its address so long before the page is told. */
const JUST_NOW_MS = 500;

/** The link in the address bar, or null if there is none. */
export function linkIn({ hash }: Location): Decoded | null {
  const link = takeUnwritten(hash) ?? hash;
  return link.length > 1 ? decodeHash(link) : null;
}

/** Keeps the address and the configuration the same: edits write it, back and forward read it. */
export class AddressBar {
  readonly #playground: Playground;
  /** What the address says, as far as this page can say it. */
  #written = '';
  #timer: ReturnType<typeof setTimeout> | undefined;
  #lastFields = '';
  #lastMs = -Infinity;
  /** The part of the address from `#` on before it was written last. */
  #before = '';

  constructor(playground: Playground) {
    this.#playground = playground;
  }

  /**
   * Follows both until the returned function is called. Call it when the models, and with them the link, are known.
   *
   * @param opened the part of the address from `#` on with which the page was started: it may have changed since
   */
  follow(opened: string): () => void {
    this.#written = this.#encoded();
    const back = () => {
      clearTimeout(this.#timer);
      this.#playground.openLink(decodeHash(location.hash));
      this.#written = this.#encoded();
    };
    const flush = () => {
      this.#flush();
    };
    const leave = () => {
      const opened = location.hash;
      this.#flush();
      if (location.hash !== opened) keepUnwritten(opened, location.hash);
      else if (performance.now() - this.#lastMs < JUST_NOW_MS) keepUnwritten(this.#before, opened);
    };
    // A link of the page replaces the address, and what was edited just before it must stay in the history.
    const follow = ({ target }: Event) => {
      if (target instanceof Element && target.closest('a[href*="#"]') !== null) this.#flush();
    };
    if (location.hash !== opened) back();
    addEventListener('hashchange', back);
    addEventListener('pagehide', leave);
    addEventListener('click', follow, { capture: true });
    const stop = $effect.root(() => {
      $effect(() => {
        // Reads every setting, so that this runs again when one of them changes, and encodes nothing yet.
        const { config, stored: ownSharing, tab } = this.#playground;
        const watched = { ...config, ownSharing, tab };
        clearTimeout(this.#timer);
        this.#timer = setTimeout(flush, restBeforeLink(watched));
      });
    });
    return () => {
      removeEventListener('hashchange', back);
      removeEventListener('pagehide', leave);
      removeEventListener('click', follow, { capture: true });
      clearTimeout(this.#timer);
      stop();
    };
  }

  #flush(): void {
    clearTimeout(this.#timer);
    const encoded = this.#encoded();
    if (encoded !== this.#written) this.#write(encoded);
  }

  #encoded(): string {
    const { linked, stored, tab } = this.#playground;
    return withTab(encodeHash(linked, stored), tab);
  }

  #write(encoded: string): void {
    const fields = changedFields(this.#written, encoded);
    this.#before = location.hash;
    const now = performance.now();
    const sameEntry = fields === this.#lastFields && now - this.#lastMs < SAME_ENTRY_MS;
    const url = encoded === '' ? location.pathname + location.search : `#${encoded}`;
    if (sameEntry) history.replaceState(null, '', url);
    else history.pushState(null, '', url);
    this.#written = encoded;
    this.#lastFields = fields;
    this.#lastMs = now;
  }
}

const UNWRITTEN = 'kvtab-unwritten-address';

/**
 * Keeps what was edited just before a reload. The browser chooses the address to load again before it tells the page,
 * so that writing the address then is too late.
 */
function keepUnwritten(opened: string, edited: string): void {
  try {
    sessionStorage.setItem(UNWRITTEN, JSON.stringify({ opened, edited }));
  } catch {
    // Storage is blocked or full: the last edit is lost.
  }
}

/** The address that replaces `opened` after a reload; null if there is none. Writes it into the address bar. */
function takeUnwritten(opened: string): string | null {
  try {
    const kept = sessionStorage.getItem(UNWRITTEN);
    sessionStorage.removeItem(UNWRITTEN);
    const [navigation] = performance.getEntriesByType('navigation');
    if (kept === null || !(navigation instanceof PerformanceNavigationTiming)) return null;
    if (navigation.type !== 'reload') return null;
    const edited = readUnwritten(kept, opened);
    if (edited === null) return null;
    history.replaceState(null, '', edited === '' ? location.pathname + location.search : edited);
    return edited;
  } catch {
    return null;
  }
}

/** The names of the fields in which two addresses differ. */
function changedFields(before: string, after: string): string {
  const old = new Set(before.split('&'));
  const now = new Set(after.split('&'));
  const differing = [...now]
    .filter((part) => !old.has(part))
    .concat([...old].filter((part) => !now.has(part)));
  return [...new Set(differing.map((part) => part.split('=')[0] ?? ''))]
    .filter((name) => name !== 'v')
    .join();
}
