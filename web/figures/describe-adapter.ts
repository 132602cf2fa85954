import type { AdapterFacts } from '../../gpu/backend.ts';

/** Which processor computes, plainly: nobody should take a software adapter or the CPU for a GPU. */
export function describeAdapter(adapter: AdapterFacts): { readonly title: string; readonly detail: string } {
  const name = [adapter.vendor, adapter.description].filter((part) => part !== '').join(', ');
  if (adapter.backend === 'cpu') return { title: 'CPU', detail: `no GPU is used${name ? `: ${name}` : ''}` };
  return {
    title: adapter.software ? 'WebGPU, software adapter' : 'WebGPU',
    detail: name || 'the browser does not name the GPU',
  };
}
