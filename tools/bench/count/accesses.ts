import type { Row } from '../../../gpu/kv/rows.ts';
import type { Access, DeclaredAccess, Dispatch } from '../../../gpu/webgpu/kernels/access.ts';
import { attendAccess } from '../../../gpu/webgpu/kernels/attend-access.ts';
import { attendOnceAccess } from '../../../gpu/webgpu/kernels/attend-once-access.ts';
import { attendManyAccess } from '../../../gpu/webgpu/kernels/attend-many-access.ts';
import { embedAccess } from '../../../gpu/webgpu/kernels/embed-access.ts';
import { gateUpAccess } from '../../../gpu/webgpu/kernels/gate-up-access.ts';
import { placeHeadsAccess } from '../../../gpu/webgpu/kernels/place-heads-access.ts';
import { projectQkvAccess } from '../../../gpu/webgpu/kernels/project-qkv-access.ts';
import { projectAccess } from '../../../gpu/webgpu/kernels/project-access.ts';
import { projectHeadsAccess } from '../../../gpu/webgpu/kernels/project-heads-access.ts';
import {
  sampleAccess,
  sampleGatherAccess,
  sampleScanAccess,
} from '../../../gpu/webgpu/kernels/sample-access.ts';
import { swigluAccess } from '../../../gpu/webgpu/kernels/swiglu-access.ts';
import type { NotedDispatch } from './counting-device.ts';
import { constantsOf } from './overrides.ts';

/** The kernels of a decoded token, and the attention of a prompt, whose cache keeps everything. */
const accesses: ReadonlyMap<string, DeclaredAccess> = new Map(
  [
    attendAccess,
    attendManyAccess,
    attendOnceAccess,
    embedAccess,
    placeHeadsAccess,
    sampleAccess,
    sampleGatherAccess,
    sampleScanAccess,
    swigluAccess,
    ...gateUpAccess,
    ...projectAccess,
    ...projectHeadsAccess,
    ...projectQkvAccess,
  ].map((access) => [access.kernel.label, access]),
);

/** A dispatch with what its kernel declares that it loads. */
export interface CountedDispatch {
  readonly dispatch: Dispatch;
  readonly invocations: number;
  readonly access: Access;
}

/** @throws Error if the kernel declares nothing */
export function countDispatch(noted: NotedDispatch): CountedDispatch {
  const declared = accesses.get(noted.kernel);
  if (!declared) throw new Error(`the kernel ${noted.kernel} does not declare what it loads`);
  const constant = constantsOf(noted.kernel, noted.source, noted.constants);
  const kinds = Object.entries(declared.kernel.bindings);
  const view = (wanted: (name: string, kind: string) => boolean) =>
    noted.contents[kinds.findIndex(([name, kind]) => wanted(name, kind))] ?? null;
  const wordsOf = (bytes: DataView | null, first: number, count: number) =>
    Array.from({ length: count }, (_, i) => bytes?.getUint32(4 * (first + i), true) ?? 0);

  const [rows = 0, cols = 0, dim = 0, yStride = 0] = wordsOf(
    view((_, kind) => kind === 'shape'),
    0,
    4,
  );
  const [stepRows = 0, firstRow = 0, window = 0] = wordsOf(
    view((_, kind) => kind === 'step'),
    0,
    3,
  );
  const table = view((name) => name === 'rows');
  const dispatch: Dispatch = {
    constant,
    shape: { rows, cols, dim, yStride },
    step: { rows: stepRows, firstRow, window },
    row: rowOf(wordsOf(table, 6 * firstRow, 6)),
    workgroups: noted.workgroups,
  };
  const [x, y, z] = noted.workgroups;
  return { dispatch, invocations: x * y * z * constant('WG'), access: declared.of(dispatch) };
}

const rowOf = ([
  sequence = 0,
  position = 0,
  rope = 0,
  slot = 0,
  firstSlot = 0,
  endSlot = 0,
]: number[]): Row => ({
  sequence,
  position,
  rope,
  slot,
  firstSlot,
  endSlot,
});
