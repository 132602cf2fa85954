import { pathToFileURL } from 'node:url';
import { placeInThread } from '../../../tools/headless/place-in-thread.ts';
import { builtFolder } from '../../../tools/setup/build-for-node.mjs';
import type { TextPlace } from '../../../worker/text/guarded-text.ts';
import type { TextApi } from '../../../worker/text/text-api.ts';

/**
 * Threads for tokenizers and templates, as the headless runner has them. One that is idle when its model ends is used
 * again, because starting a thread takes longer than most answers. One that is busy then is ended, as in the runner.
 */
export class TextThreads {
  readonly #script: URL;
  #idle: TextPlace | null = null;

  static async open(): Promise<TextThreads> {
    return new TextThreads(pathToFileURL(`${await builtFolder('headless')}/text-thread.mjs`));
  }

  private constructor(script: URL) {
    this.#script = script;
  }

  /** @param held counts the threads of one model, so that no model is blamed for what another one still holds */
  place(held: { threads: number }): TextPlace {
    const place = this.#idle ?? placeInThread(this.#script);
    this.#idle = null;
    held.threads++;
    let isBroken = false;
    let isOpen = true;
    place.broken.catch(() => {
      isBroken = true;
    });
    const { api, isBusy } = counted(place.api);
    return {
      api,
      broken: place.broken,
      end: () => {
        if (!isOpen) return;
        isOpen = false;
        held.threads--;
        if (isBusy() || isBroken || this.#idle) place.end();
        else this.#idle = place;
      },
    };
  }

  close(): void {
    this.#idle?.end();
    this.#idle = null;
  }
}

/** The same calls, and whether one of them has no answer yet. */
function counted(api: TextApi): { readonly api: TextApi; readonly isBusy: () => boolean } {
  let pending = 0;
  const count = async <T>(answer: T): Promise<Awaited<T>> => {
    pending++;
    try {
      return await answer;
    } finally {
      pending--;
    }
  };
  return {
    isBusy: () => pending > 0,
    api: {
      awake: (patterns) => count(api.awake(patterns)),
      open: (files) => count(api.open(files)),
      encode: (text, special) => count(api.encode(text, special)),
      changes: (text) => count(api.changes(text)),
      render: (messages) => count(api.render(messages)),
      startText: (prompt, silent) => count(api.startText(prompt, silent)),
      push: (tokens) => count(api.push(tokens)),
      textsOf: (tokens) => count(api.textsOf(tokens)),
      decode: (tokens) => count(api.decode(tokens)),
      flush: () => count(api.flush()),
    },
  };
}
