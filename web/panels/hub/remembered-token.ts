import { openSpace } from '../../../worker/storage/space.ts';

/** Access tokens by the endpoint that they were given for, as `readEndpoint` gives it. */
const tokens = openSpace('hub-token-1', (value): value is string => typeof value === 'string');

/** The storage for remembered tokens. Tests use their own. */
export interface TokenStore {
  /** The token that the person asked to remember for an endpoint; null if there is none, or no storage. */
  recall(endpoint: string): Promise<string | null>;
  /** Remembers a token for an endpoint; null forgets it. */
  keep(endpoint: string, secret: string | null): Promise<void>;
}

export const tokensOnDevice: TokenStore = {
  recall: async (endpoint) => (await tokens.get([endpoint]).catch(() => undefined)) ?? null,
  keep: async (endpoint, secret) => {
    try {
      await (secret === null ? tokens.remove([endpoint]) : tokens.set([endpoint], secret));
    } catch {
      // A private window remembers nothing.
    }
  },
};
