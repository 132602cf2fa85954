import type { Outcome } from '../../worker/protocol/failure.ts';
import type { ChatMessage, GenerateRequest, GenerateResult } from '../../worker/protocol/generate.ts';

/** A conversation with a model. Nothing of it goes into the address. */
export class Chat {
  /** Chosen by the person; it counts only where the model has a template. */
  active = $state(false);
  instructions = $state('');
  /** What is being typed. */
  draft = $state('');
  messages = $state.raw<readonly ChatMessage[]>([]);
  /** The last turn's prompt: how much of it was kept from the turns before. */
  reading = $state.raw<(GenerateResult['reuse'] & { readonly promptTokens: number }) | null>(null);

  /** Instructions and messages, as the next turn would send them. */
  readonly sent = $derived<readonly ChatMessage[]>([
    ...(this.instructions.trim() === '' ? [] : [{ role: 'system', content: this.instructions } as const]),
    ...this.messages,
  ]);
  /** With what is being typed. */
  readonly planned = $derived<readonly ChatMessage[]>(
    this.draft.trim() === '' ? this.sent : [...this.sent, { role: 'user', content: this.draft }],
  );
  /** The message that awaits an answer, or got the last one. */
  readonly lastAsked = $derived(this.messages.findLast(({ role }) => role === 'user') ?? null);

  /** Makes a message of what was typed. */
  submit(): void {
    this.messages = [...this.messages, { role: 'user', content: this.draft }];
    this.draft = '';
  }

  /** Takes the last message back to be typed anew, with its answer. */
  takeBack(): void {
    if (!this.lastAsked) return;
    this.draft = this.lastAsked.content;
    this.messages = this.messages.slice(0, this.messages.lastIndexOf(this.lastAsked));
  }

  /** Forgets the last answer, so that another can be written. */
  forgetAnswer(): void {
    if (this.messages.at(-1)?.role === 'assistant') this.messages = this.messages.slice(0, -1);
  }

  clear(): void {
    this.messages = [];
    this.reading = null;
  }

  /** The run that writes the next answer. */
  requestOf(request: GenerateRequest): GenerateRequest {
    return { ...request, input: { chat: this.sent } };
  }

  /** A turn has ended; where it failed, its message can be changed and sent again. */
  settle(outcome: Outcome<GenerateResult>): void {
    if (!outcome.ok) {
      if (this.draft === '') this.takeBack();
      return;
    }
    const { text, reuse, promptTokens } = outcome.value;
    if (text !== null && text !== '')
      this.messages = [...this.messages, { role: 'assistant', content: text }];
    this.reading = { ...reuse, promptTokens };
  }
}
