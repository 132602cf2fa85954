import { help, type HelperStart } from '../../gpu/wasm/threads/help.ts';

/** Helps the team that the first message names. From then on this worker hears no message: it sleeps or computes. */
export function serveHelper(): void {
  addEventListener(
    'message',
    ({ data }: MessageEvent<HelperStart>) => {
      help(data, () => postMessage('ready'));
    },
    { once: true },
  );
}
