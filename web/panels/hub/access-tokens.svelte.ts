import { readEndpoint } from '../../../worker/endpoint.ts';
import type { AccessToken } from '../../../worker/protocol/load.ts';
import type { TokenStore } from './remembered-token.ts';

interface Entry {
  /** Null until the person types it, or it is recalled. */
  readonly secret: string | null;
  /** Null until the person says so, or a token is recalled. */
  readonly remember: boolean | null;
}

const UNKNOWN: Entry = { secret: null, remember: null };

/**
 * The access tokens of this visit, each under the endpoint that it was given for. Nobody can read one without naming
 * its endpoint, so an answer that comes late, or a link that changes the endpoint, cannot put it next to another one.
 */
export class AccessTokens {
  #entries = $state.raw<ReadonlyMap<string, Entry>>(new Map());
  readonly #store: TokenStore;

  constructor(store: TokenStore) {
    this.#store = store;
  }

  /** What the field for the token shows; empty if there is none. */
  secretFor(endpointText: string): string {
    return this.#entryOf(endpointText).secret ?? '';
  }

  isRemembered(endpointText: string): boolean {
    return this.#entryOf(endpointText).remember ?? false;
  }

  /** What may be sent to an endpoint; null without a token, or if the text is no endpoint. */
  tokenFor(endpointText: string): AccessToken | null {
    const read = readEndpoint(endpointText);
    const secret = this.secretFor(endpointText).trim();
    return read.ok && secret !== '' ? { endpoint: read.endpoint, secret } : null;
  }

  enter(endpointText: string, secret: string): void {
    this.#change(keyOf(endpointText), { secret });
  }

  /** The person wants the token of this endpoint to be remembered, or forgotten. */
  setRemembered(endpointText: string, remember: boolean): void {
    this.#change(keyOf(endpointText), { remember });
    if (remember) this.keep(endpointText);
    else this.#write(endpointText, null);
  }

  /** Stores what stands in the field if the person wants that. Otherwise it leaves alone what is stored. */
  keep(endpointText: string): void {
    const { secret, remember } = this.#entryOf(endpointText);
    if (remember !== true || secret === null) return;
    this.#write(endpointText, secret.trim() === '' ? null : secret.trim());
  }

  /** Reads the token that is remembered for an endpoint. What the person has typed or ticked meanwhile stays. */
  async recall(endpointText: string): Promise<void> {
    const read = readEndpoint(endpointText);
    if (!read.ok) return;
    const remembered = await this.#store.recall(read.endpoint);
    if (remembered === null) return;
    const { secret, remember } = this.#entries.get(read.endpoint) ?? UNKNOWN;
    this.#change(read.endpoint, { secret: secret ?? remembered, remember: remember ?? true });
  }

  /** The device has lost its data. What stands in the fields stays until the page is closed. */
  forgetRemembered(): void {
    this.#entries = new Map([...this.#entries].map(([key, entry]) => [key, { ...entry, remember: null }]));
  }

  #entryOf(endpointText: string): Entry {
    return this.#entries.get(keyOf(endpointText)) ?? UNKNOWN;
  }

  #change(key: string, changes: Partial<Entry>): void {
    const entry = { ...(this.#entries.get(key) ?? UNKNOWN), ...changes };
    this.#entries = new Map(this.#entries).set(key, entry);
  }

  #write(endpointText: string, secret: string | null): void {
    const read = readEndpoint(endpointText);
    if (read.ok) void this.#store.keep(read.endpoint, secret);
  }
}

/** A text that is no endpoint has an entry of its own: what is typed beside it is neither stored nor sent. */
function keyOf(endpointText: string): string {
  const read = readEndpoint(endpointText);
  return read.ok ? read.endpoint : `not an endpoint: ${endpointText.trim()}`;
}
