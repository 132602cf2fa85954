import type { ModelFacts } from '../../worker/protocol/load.ts';

export interface AdapterWords {
  readonly title: string;
  readonly detail: string;
  /** A CPU does the GPU's work behind WebGPU. */
  readonly software: boolean;
}

/** Which processor computes, plainly: nobody should take a software adapter or the CPU for a GPU. */
export function describeAdapter({
  backend,
  vendor,
  description,
  software,
}: ModelFacts['adapter']): AdapterWords {
  const name = [vendor, description].filter((part) => part !== '').join(', ');
  if (backend === 'cpu') {
    return { title: 'CPU', detail: name ? `no GPU is used: ${name}` : 'no GPU is used', software: false };
  }
  return { title: 'WebGPU', detail: name || 'the browser does not name the GPU', software };
}
