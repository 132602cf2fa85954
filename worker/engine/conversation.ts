import type { ModelWeights, Session, SessionOptions } from '../../gpu/backend.ts';

/** A conversation that is ready to continue. */
interface Resumed {
  readonly session: Session;
  /** Tokens whose KV the session held before. */
  readonly heldTokens: number;
  /** Those of them that the prompt starts with. Only the rest of the prompt has to be read. */
  readonly reusedTokens: number;
}

type Opening = Omit<SessionOptions, 'capacityTokens'>;

const ROOM_TOKENS = 1024;

/** Room for a conversation to grow: twice what it needs now, but no more than the context unless it needs more. */
const roomFor = (neededTokens: number, contextTokens: number) =>
  Math.max(neededTokens, Math.min(Math.max(2 * neededTokens, ROOM_TOKENS), contextTokens));

/**
 * Keeps the KV of a conversation between its turns. Each turn comes with its whole prompt, from the first message on.
 * The tokens that it has in common with those held before are not read again. Only tokens are compared. If a template
 * changes an earlier turn, or the tokenizer splits a reply differently from the model, reading starts at that token.
 */
export class Conversation {
  #kept: {
    readonly session: Session;
    readonly opening: string;
    readonly capacityTokens: number;
    tokens: readonly number[];
    running: boolean;
  } | null = null;

  /**
   * A session that holds as much of the start of the prompt as possible, but never all of it.
   *
   * @param opening the options of the session; if they differ from before, nothing is reused
   * @throws BackendError
   */
  async resume(
    weights: ModelWeights,
    prompt: readonly number[],
    opening: Opening,
    room: { readonly capacityTokens: number; readonly contextTokens: number },
  ): Promise<Resumed> {
    const key = keyOf(opening);
    const kept = this.#kept;
    const heldTokens = kept?.tokens.length ?? 0;
    if (kept?.opening === key && kept.capacityTokens >= room.capacityTokens) {
      // At least one token must be read: the next token is drawn from the last one's hidden state.
      const reusedTokens = Math.min(commonLength(kept.tokens, prompt), prompt.length - 1);
      if (kept.session.rewind(reusedTokens)) {
        kept.running = true;
        return { session: kept.session, heldTokens, reusedTokens };
      }
    }
    this.forget();
    const capacityTokens = roomFor(room.capacityTokens, room.contextTokens);
    const eviction = opening.eviction && { ...opening.eviction, promptTokens: capacityTokens };
    const session = await weights.open({ ...opening, capacityTokens, ...(eviction && { eviction }) });
    this.#kept = { session, opening: key, capacityTokens, tokens: [], running: true };
    return { session, heldTokens, reusedTokens: 0 };
  }

  /** Ends a turn. `tokens` are those whose KV the session now holds. */
  keep(tokens: readonly number[]): void {
    if (!this.#kept) return;
    this.#kept.tokens = tokens;
    this.#kept.running = false;
  }

  /** Frees the session if the turn did not finish. Call it after every turn. */
  settle(): void {
    if (this.#kept?.running) this.forget();
  }

  /** Frees the session. */
  forget(): void {
    this.#kept?.session.close();
    this.#kept = null;
  }
}

/** The policy names the file of its kernels, so their numbers can be left out. */
const keyOf = ({ eviction, ...opening }: Opening): string =>
  JSON.stringify({ ...opening, ...(eviction && { eviction: { ...eviction, kernels: null } }) });

function commonLength(a: readonly number[], b: readonly number[]): number {
  const end = Math.min(a.length, b.length);
  let length = 0;
  while (length < end && a[length] === b[length]) length++;
  return length;
}
