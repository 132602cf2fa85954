import type { ModelWeights, Session, SessionOptions } from '../../gpu/backend.ts';

/** A conversation as it can be gone on with. */
interface Resumed {
  readonly session: Session;
  /** Tokens whose KV was there. */
  readonly heldTokens: number;
  /** Of them, those that the prompt begins with; the rest of the prompt is to be read. */
  readonly reusedTokens: number;
}

type Opening = Omit<SessionOptions, 'capacityTokens'>;

const ROOM_TOKENS = 1024;

/** Room for a conversation to grow: twice what it needs now, but not past the context for that. */
const roomFor = (neededTokens: number, contextTokens: number) =>
  Math.max(neededTokens, Math.min(Math.max(2 * neededTokens, ROOM_TOKENS), contextTokens));

/**
 * Keeps the KV of a conversation between its turns. A turn brings all of its prompt, from the first message on; what
 * the prompt has in common with the tokens that are held is not read again. Only tokens are compared: where a template
 * writes an earlier turn anew, or the tokenizer cuts a reply otherwise than the model wrote it, reading begins there.
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
   * A session that holds the longest part of the prompt that it can, less than all of it.
   *
   * @param opening what the session is opened with; where it differs from before, nothing is reused
   * @throws BackendError
   */
  async resume(
    weights: ModelWeights,
    prompt: readonly number[],
    opening: Opening,
    room: { readonly capacityTokens: number; readonly contextTokens: number },
  ): Promise<Resumed> {
    const key = JSON.stringify(opening);
    const kept = this.#kept;
    const heldTokens = kept?.tokens.length ?? 0;
    if (kept?.opening === key && kept.capacityTokens >= room.capacityTokens) {
      // Something must be left to read: the next token is drawn from the last one's hidden state.
      const reusedTokens = Math.min(commonLength(kept.tokens, prompt), prompt.length - 1);
      if (kept.session.rewind(reusedTokens)) {
        kept.running = true;
        return { session: kept.session, heldTokens, reusedTokens };
      }
    }
    this.forget();
    const capacityTokens = roomFor(room.capacityTokens, room.contextTokens);
    const session = await weights.open({ ...opening, capacityTokens });
    this.#kept = { session, opening: key, capacityTokens, tokens: [], running: true };
    return { session, heldTokens, reusedTokens: 0 };
  }

  /** A turn has ended: these are the tokens whose KV the session now holds. */
  keep(tokens: readonly number[]): void {
    if (!this.#kept) return;
    this.#kept.tokens = tokens;
    this.#kept.running = false;
  }

  /** A turn is over, whatever became of it: what it left half done is let go. */
  settle(): void {
    if (this.#kept?.running) this.forget();
  }

  /** Frees what is kept. */
  forget(): void {
    this.#kept?.session.close();
    this.#kept = null;
  }
}

function commonLength(a: readonly number[], b: readonly number[]): number {
  const end = Math.min(a.length, b.length);
  let length = 0;
  while (length < end && a[length] === b[length]) length++;
  return length;
}
