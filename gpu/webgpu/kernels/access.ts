/**
 * What a kernel loads, declared beside it and held against its WGSL by tests/kernels/access.spec.ts. Only tools import
 * these declarations, so that no page loads them.
 */
import type { Kernel, Shape } from '../kernel.ts';
import { columnCounts, type Columns } from './columns.ts';
import type { Row } from '../../kv/rows.ts';

/** A dispatch as its shader sees it. */
export interface Dispatch {
  /** An `override` constant, or what the WGSL says if the pipeline does not set it. */
  readonly constant: (name: string) => number;
  readonly shape: Required<Shape>;
  readonly step: { readonly rows: number; readonly firstRow: number; readonly window: number };
  /** The first row of the dispatch. */
  readonly row: Row;
  readonly workgroups: readonly [number, number, number];
}

/** What is loaded from one storage buffer, in bytes. */
export interface Loads {
  /** Every load of every invocation. */
  readonly asked: number;
  /** Every number once, however many invocations ask for it. */
  readonly distinct: number;
}

export interface Access<Binding extends string = string> {
  /** By binding; what is absent is not loaded from. Uniforms are not counted. */
  readonly loads: Readonly<Partial<Record<Binding, Loads>>>;
  /** Of all workgroups. */
  readonly barriers: number;
  /**
   * The most often that an invocation waits for loads. It waits for those that it has issued before the next round of
   * a loop, at a barrier, and before it uses a loaded number as an index. Rounds of a loop whose number is known when
   * the pipeline is compiled do not wait for each other, because compilers unroll it.
   */
  readonly longestLoadChain: number;
}

export interface DeclaredAccess {
  readonly kernel: Kernel;
  readonly of: (dispatch: Dispatch) => Access;
}

/** Declares what a kernel loads. */
export const declareAccess = <Binding extends string>(
  kernel: Kernel<Binding>,
  of: (dispatch: Dispatch) => Access<Binding>,
): DeclaredAccess => ({ kernel, of });

/** Declares what the kernels for all numbers of columns load. */
export const declareColumnsAccess = <Binding extends string, Params>(
  kernelOf: (columns: Columns) => Kernel<Binding, Params>,
  of: (dispatch: Dispatch) => Access<Binding>,
): readonly DeclaredAccess[] => columnCounts.map((columns) => ({ kernel: kernelOf(columns), of }));

/** Loads of which each asks for other numbers. */
export const onceEach = (bytes: number): Loads => ({ asked: bytes, distinct: bytes });

/** Bytes of a `Row` in rows.wgsl. */
export const rowEntryBytes = 24;
