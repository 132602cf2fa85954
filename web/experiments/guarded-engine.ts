import type { LabEngine } from '../../worker/laboratory/run-experiment.ts';
import { stopped } from './stopped.ts';

/** An engine that starts nothing more once it is not wanted: its `stop` ends only what was asked for before. */
export function guardedEngine(engine: LabEngine, wanted: () => boolean): LabEngine {
  return {
    load: async (request, onEvent) => (wanted() ? engine.load(request, onEvent) : stopped),
    measure: async (request, onEvent) => (wanted() ? engine.measure(request, onEvent) : stopped),
    countWork: async (request) => (wanted() ? engine.countWork(request) : stopped),
    stop: () => {
      engine.stop();
    },
  };
}
