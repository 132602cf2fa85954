import type { Outcome } from '../../worker/protocol/failure.ts';
import type { ChatMessage, GenerateRequest, GenerateResult } from '../../worker/protocol/generate.ts';

/** How the last turn was read, and how many tokens it added. */
interface Reading extends Readonly<GenerateResult['reuse']> {
  readonly promptTokens: number;
  readonly newTokens: number;
  /** Whether a policy evicted: such a cache cannot go back. */
  readonly evicts: boolean;
}

/** What the last press of a button removed from a conversation. */
interface Removed {
  readonly what: 'conversation' | 'turn' | 'answer';
  readonly messages: readonly ChatMessage[];
  readonly draft: string;
}

/** A conversation with the model. None of it goes into the address. */
export class Chat {
  /** Whether the person chose to chat; it takes effect only if the model has a chat template. */
  active = $state(false);
  instructions = $state('');
  /** The message that is being typed. */
  draft = $state('');
  messages = $state.raw<readonly ChatMessage[]>([]);
  /** How much of the last turn's prompt was still in the cache from the turns before. */
  reading = $state.raw<Reading | null>(null);
  /** Until the next message is sent. */
  removed = $state.raw<Removed | null>(null);

  /** Instructions and messages, as the next turn sends them. */
  readonly sent = $derived<readonly ChatMessage[]>([
    ...(this.instructions.trim() === '' ? [] : [{ role: 'system', content: this.instructions } as const]),
    ...this.messages,
  ]);
  /** {@link sent} and the message that is being typed. */
  readonly planned = $derived<readonly ChatMessage[]>(
    this.draft.trim() === '' ? this.sent : [...this.sent, { role: 'user', content: this.draft }],
  );
  /** The last message of the person. */
  readonly lastAsked = $derived(this.messages.findLast(({ role }) => role === 'user') ?? null);
  /** What the last answer was asked with: {@link sent} as far as the last message of the person; empty without one. */
  readonly asked = $derived(
    this.sent.slice(0, this.lastAsked ? this.sent.lastIndexOf(this.lastAsked) + 1 : 0),
  );

  /** Adds the typed message to the conversation. */
  submit(): void {
    this.removed = null;
    this.messages = [...this.messages, { role: 'user', content: this.draft }];
    this.draft = '';
  }

  /** Moves the last message into the draft, and removes its answer. */
  editLast(): void {
    this.#remember('turn');
    this.#takeBack();
  }

  #takeBack(): void {
    if (!this.lastAsked) return;
    this.draft = this.lastAsked.content;
    this.messages = this.messages.slice(0, this.messages.lastIndexOf(this.lastAsked));
  }

  /** Removes the last answer, so that the model can write another. */
  forgetAnswer(): void {
    if (this.messages.at(-1)?.role !== 'assistant') return;
    this.#remember('answer');
    this.messages = this.messages.slice(0, -1);
  }

  clear(): void {
    if (this.messages.length > 0) this.#remember('conversation');
    this.messages = [];
    this.reading = null;
  }

  /** Brings back what was removed. */
  undo(): void {
    if (!this.removed) return;
    this.messages = this.removed.messages;
    this.draft = this.removed.draft;
    this.removed = null;
  }

  #remember(what: Removed['what']): void {
    this.removed = { what, messages: this.messages, draft: this.draft };
  }

  /** The request for the next answer. */
  requestOf(request: GenerateRequest): GenerateRequest {
    return { ...request, input: { chat: this.sent } };
  }

  /** Ends a turn. If it failed, the message goes back into the draft, to be changed and sent again. */
  settle(outcome: Outcome<GenerateResult>, evicts: boolean): void {
    if (!outcome.ok) {
      if (this.draft === '') this.#takeBack();
      return;
    }
    const { text, reuse, promptTokens, tokens } = outcome.value;
    if (text !== null && text !== '')
      this.messages = [...this.messages, { role: 'assistant', content: text }];
    this.reading = { ...reuse, promptTokens, newTokens: tokens.length, evicts };
  }
}
