import { openSpace } from '../../../worker/storage/space.ts';

const tokens = openSpace('hub-token-1', (value): value is string => typeof value === 'string');

/** The access token that a person asked to remember for a server; empty where there is none, or no storage. */
export const rememberedToken = async (endpoint: string): Promise<string> =>
  (await tokens.get([endpoint]).catch(() => undefined)) ?? '';

/** @param token null forgets the one that is remembered */
export async function rememberToken(endpoint: string, token: string | null): Promise<void> {
  try {
    await (token === null ? tokens.remove([endpoint]) : tokens.set([endpoint], token));
  } catch {
    // A private window remembers nothing.
  }
}
