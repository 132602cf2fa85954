import type { LoadedModel } from '../loader/load-model.ts';
import type { RowsChoice, ShapedKernels } from '../protocol/load.ts';

/** Where measured shapes are kept. What it returns may be anything. */
export interface ShapeMemory {
  get(key: readonly string[]): Promise<unknown>;
  set(key: readonly string[], workgroup: number): Promise<void>;
}

/** Four matrix rows have 32 invocations. */
const rowsOf = (workgroup: number) => workgroup / 8;

/**
 * Chooses the workgroups of the decoding products, before anything is compiled: as it is asked for, or the fastest on this
 * adapter, which is measured once. A software adapter is not measured, because that says nothing and takes long.
 *
 * @param memory null to measure every time
 * @returns null if the backend has no choice
 */
export async function shapeKernels(
  { weights, backend }: Pick<LoadedModel, 'weights' | 'backend'>,
  choice: RowsChoice,
  memory: ShapeMemory | null,
): Promise<ShapedKernels | null> {
  const { products } = weights;
  if (!products) return null;
  const { adapter } = backend;
  const shaped = (workgroup: number, chosen: ShapedKernels['chosen']): ShapedKernels => {
    products.take(workgroup);
    return { rows: rowsOf(workgroup), chosen };
  };
  const [usual = 0] = products.workgroups;
  if (choice !== 'automatic') {
    const wanted = products.workgroups.find((workgroup) => rowsOf(workgroup) === Number(choice));
    return shaped(wanted ?? usual, 'set');
  }
  if (adapter.software) return shaped(usual, 'usual');
  const key = [adapter.vendor, adapter.description, products.of];
  // Storage that is blocked, or holds something else, costs a measurement.
  const kept = await memory?.get(key).catch(() => undefined);
  const known = products.workgroups.find((workgroup) => workgroup === kept);
  if (known !== undefined) return shaped(known, 'remembered');
  const fastest = await products.fastest();
  await memory?.set(key, fastest).catch(() => undefined);
  return shaped(fastest, 'measured');
}
