import type { Playground } from './playground.svelte.ts';

/**
 * Waits until the page has a model, and loads it if nobody has asked for it yet.
 *
 * @param isWanted whether to go on waiting
 */
export async function modelIsReady(playground: Playground, isWanted: () => boolean): Promise<boolean> {
  const { phase } = playground;
  if (phase.at === 'ready') return isWanted();
  if (phase.at === 'idle' || phase.at === 'failed') playground.load();
  return new Promise((resolve) => {
    const end = $effect.root(() => {
      $effect(() => {
        const { at } = playground.phase;
        if (at !== 'ready' && at !== 'failed' && isWanted()) return;
        resolve(at === 'ready' && isWanted());
        queueMicrotask(() => {
          end();
        });
      });
    });
  });
}
