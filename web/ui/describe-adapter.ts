import type { ModelFacts } from '../../worker/protocol/load.ts';
import { words } from './words.ts';

export interface AdapterWords {
  readonly title: string;
  readonly detail: string;
  /** Whether the WebGPU adapter is a CPU. */
  readonly software: boolean;
}

/** Which processor computes. Says so if a software adapter or the CPU stands in for a GPU. */
export function describeAdapter({
  backend,
  vendor,
  description,
  software,
}: ModelFacts['adapter']): AdapterWords {
  const name = [vendor, description].filter((part) => part !== '').join(', ');
  if (backend === 'cpu') {
    return { title: words.cpu, detail: words.noGpu(name), software: false };
  }
  return { title: words.webgpu, detail: name || words.unnamedGpu, software };
}

/** The title, which says so if the adapter is a CPU. */
export const adapterTitle = ({ title, software }: AdapterWords): string =>
  software ? words.softwareAdapter(title) : title;
