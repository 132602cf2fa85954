import type { LabEngine } from '../../../worker/laboratory/run-experiment.ts';
import type { Playground } from '../../playground/playground.svelte.ts';
import { Laboratory } from './laboratory.svelte.ts';
import { modelIsReady } from '../../playground/model-is-ready.svelte.ts';
import { summarizeInWorker } from './summary-client.ts';

const laboratories = new WeakMap<Playground, Laboratory>();

/** The laboratory of a page. It lasts longer than the panel, which may be closed while it runs. */
export function laboratoryOf(playground: Playground, engine: LabEngine): Laboratory {
  const known = laboratories.get(playground);
  if (known) return known;
  const laboratory = new Laboratory(playground, engine, {
    pageUrl: document.baseURI,
    locks: navigator.locks,
    summarize: summarizeInWorker(),
    modelIsReady: (isWanted) => modelIsReady(playground, isWanted),
  });
  laboratories.set(playground, laboratory);
  void laboratory.restore();
  return laboratory;
}
