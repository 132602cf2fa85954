import type { Backend } from '../backend.ts';
import { CpuDecoders } from './batch.ts';
import { CpuDecoder } from './decoder.ts';
import { backendOnCpu } from '../cpu/model.ts';
import { CpuWeights } from '../cpu/weights.ts';

/** The decoder in plain TypeScript. All others are tested against it, and it runs if no other can. */
export const openCpuBackend = (): Backend =>
  backendOnCpu(
    () => 'JavaScript on the processor',
    (request) => {
      const { dims, storedLayers } = request;
      const weights = new CpuWeights(request);
      return {
        put: (...rows) => weights.put(...rows),
        ready: () => Promise.resolve(),
        get bytes() {
          return weights.bytes;
        },
        open: (options) =>
          new CpuDecoder(dims, weights.convert(storedLayers, options.sharing.layers), options),
        openBatch: (options) =>
          new CpuDecoders(dims, weights.convert(storedLayers, options.sharing.layers), options),
        clear: () => weights.clear(),
      };
    },
  );
