import type { Playground } from './playground.svelte.ts';
import { decodeHash, encodeHash } from '../settings/hash.ts';

/** A change is written once it has rested: browsers refuse addresses that change with every key. */
const REST_MS = 300;
/** Changes of one field that follow each other so closely are one entry of the browser's history. */
const SAME_ENTRY_MS = 3000;

/** The link in the address bar, or null where there is none. */
export const linkIn = ({ hash }: Location) => (hash.length > 1 ? decodeHash(hash) : null);

/** Keeps the address and the configuration the same: edits write it, back and forward read it. */
export class AddressBar {
  readonly #playground: Playground;
  /** What the address says, as far as this page can say it. */
  #written = '';
  #timer: ReturnType<typeof setTimeout> | undefined;
  #lastFields = '';
  #lastMs = -Infinity;

  constructor(playground: Playground) {
    this.#playground = playground;
  }

  /** Follows both until the returned function is called. Begins once the models, and with them the link, are known. */
  follow(): () => void {
    this.#written = this.#encoded();
    const back = () => {
      clearTimeout(this.#timer);
      this.#playground.openLink(decodeHash(location.hash));
      this.#written = this.#encoded();
    };
    addEventListener('hashchange', back);
    const stop = $effect.root(() => {
      $effect(() => {
        const encoded = this.#encoded();
        clearTimeout(this.#timer);
        if (encoded !== this.#written) this.#timer = setTimeout(() => this.#write(encoded), REST_MS);
      });
    });
    return () => {
      removeEventListener('hashchange', back);
      clearTimeout(this.#timer);
      stop();
    };
  }

  #encoded(): string {
    return encodeHash(this.#playground.config, this.#playground.stored);
  }

  #write(encoded: string): void {
    const fields = changedFields(this.#written, encoded);
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
