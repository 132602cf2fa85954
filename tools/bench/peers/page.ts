import type { Continued } from '../../../worker/peer/continued.ts';
import type { SubjectRequest } from './subject.ts';

declare global {
  // `var`, because nothing else declares a property of globalThis.
  var openSubject: (request: SubjectRequest) => Promise<string>;
  var continuePrompt: (prompt: readonly number[], newTokens: number) => Promise<Continued>;
}

// Threads that wait for one another cannot run where a page is drawn.
const worker = new Worker(new URL('./subject.ts', import.meta.url), { type: 'module' });

function ask(message: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    worker.onerror = ({ message: reason }) => {
      reject(new Error(reason));
    };
    worker.onmessage = ({ data }: MessageEvent<{ readonly value?: unknown; readonly error?: string }>) => {
      if (data.error === undefined) resolve(data.value);
      else reject(new Error(data.error));
    };
    worker.postMessage(message);
  });
}

globalThis.openSubject = async (request) => String(await ask({ open: request }));
globalThis.continuePrompt = async (prompt, newTokens) =>
  (await ask({ run: { prompt, newTokens } })) as Continued;
