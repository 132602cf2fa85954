import { words } from './words.ts';

/** Copies texts, and holds what the page says about it. */
export class Clipboard {
  said = $state('');
  /** Text for a person to copy by hand if the browser does not let the page do it. */
  byHand = $state<string | null>(null);

  /** @param what names the text for people, as "Link" */
  async copy(text: string, what: string): Promise<void> {
    this.byHand = null;
    this.said = '';
    try {
      await navigator.clipboard.writeText(text);
      this.said = words.copied(what);
    } catch {
      this.byHand = text;
      this.said = words.copyNotAllowed;
    }
  }
}
