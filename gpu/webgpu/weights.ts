import type { AllocateRequest } from '../backend.ts';
import type { GpuContext } from './device.ts';
import { allocateMatrix, matrixBytes, type Matrix } from './matrix.ts';
import type { Scope } from './memory.ts';
import { isCopy, kvSources, meanOf } from '../plan/conversion.ts';
import type { LayerType } from '../plan/layer-types.ts';
import {
  keptFormat,
  numbersOf,
  packRows,
  paddedCols,
  rowBytes,
  type MatrixFormat,
} from '../numbers/matrix-format.ts';
import { weightSpecs, type WeightRole, type WeightSpec } from '../plan/weight-specs.ts';

/** An owner's key and value projection, keys above values. */
export interface KeyValueWeights {
  readonly matrix: Matrix;
  readonly bias: GPUBuffer;
  readonly keyNorm: GPUBuffer;
  /**
   * The gains of the owner's norm, and behind them the biases of its queries, keys and values and the gains of its queries'
   * and keys' heads, as far as there are any.
   */
  readonly vectors: GPUBuffer;
}

/** Matrices that share an input are one matrix, one above the other. */
type MatrixRole = 'embed' | 'head' | 'q' | 'kv' | 'o' | 'gateUp' | 'down';

interface Place {
  readonly role: MatrixRole;
  /** Where among the roles that share the matrix: 0 above, 1 below. */
  readonly half: 0 | 1;
}

const places: Partial<Record<WeightRole, Place>> = {
  embed: { role: 'embed', half: 0 },
  head: { role: 'head', half: 0 },
  q: { role: 'q', half: 0 },
  k: { role: 'kv', half: 0 },
  v: { role: 'kv', half: 1 },
  o: { role: 'o', half: 0 },
  gate: { role: 'gateUp', half: 0 },
  up: { role: 'gateUp', half: 1 },
  down: { role: 'down', half: 0 },
};

/** The vectors that kernels take, each from one buffer. */
const vectorGroups: readonly (readonly WeightRole[])[] = [
  [],
  ['finalNorm'],
  ['attentionNorm'],
  ['mlpNorm'],
  ['qBias'],
  ['qNorm'],
  ['kBias', 'vBias'],
  ['kNorm'],
  ['oBias'],
  ['gateBias', 'upBias'],
  ['downBias'],
];

const bytesBetweenWaits = 64 * 2 ** 20;

/** A model's tensors in GPU memory, as stored unless another format was requested. */
export class GpuWeights {
  readonly #context: GpuContext;
  readonly #request: AllocateRequest;
  readonly #scope: Scope;
  readonly #matrices = new Map<string, Matrix>();
  readonly #vectors = new Map<string, Float32Array<ArrayBuffer>>();
  readonly #vectorBuffers = new Map<string, GPUBuffer>();
  #unawaitedBytes = 0;

  constructor(context: GpuContext, request: AllocateRequest) {
    this.#context = context;
    this.#request = request;
    this.#scope = context.ledger.scope('weights');
    const specs = weightSpecs(request.dims, request.storedLayers);
    try {
      for (const key of new Set(specs.flatMap((spec) => matrixKey(spec) ?? []))) {
        const parts = specs.filter((spec) => matrixKey(spec) === key);
        this.#matrices.set(key, this.#newMatrix(key, parts));
      }
    } catch (error) {
      this.#scope.free();
      throw error;
    }
  }

  /** @throws BackendError `out-of-memory` */
  allocated(): Promise<void> {
    return this.#scope.settled();
  }

  #newMatrix(key: string, parts: readonly WeightSpec[]): Matrix {
    const types = new Set(parts.map((spec) => this.#keptAs(spec)));
    const [first] = types;
    const type = first && types.size === 1 ? first : 'f32';
    const rows = parts.reduce((sum, spec) => sum + spec.rows, 0);
    const cols = paddedCols(parts[0]?.cols ?? 0);
    return allocateMatrix(this.#scope, key, { rows, cols, type }, this.#largestBytes(type, cols, parts));
  }

  /** The parts of keys' and values' projections are those of their means, which are float32. */
  #largestBytes(type: MatrixFormat, cols: number, [spec]: readonly WeightSpec[]): number {
    const isKv = spec && places[spec.role]?.role === 'kv';
    const narrowing = isKv ? rowBytes(type, cols) / rowBytes('f32', cols) : 1;
    return this.#context.largestBindingBytes * narrowing;
  }

  #keptAs(spec: WeightSpec): MatrixFormat {
    return keptFormat(spec, this.#request.storedAs(spec), this.#request);
  }

  async put(spec: WeightSpec, firstRow: number, bytes: Uint8Array): Promise<void> {
    const stored = this.#request.storedAs(spec);
    if (spec.vector) {
      this.#vectors.set(vectorKey(spec.role, spec.layer), numbersOf(bytes, stored, spec.cols));
      return;
    }
    const place = places[spec.role];
    const matrix = this.#matrix(place?.role ?? 'embed', spec.layer);
    const row = firstRow + (place?.half ? matrix.rows - spec.rows : 0);
    const stride = rowBytes(matrix.type, matrix.cols);
    const kept = packRows(bytes, stored, spec.cols, matrix.type);
    const endRow = row + kept.byteLength / stride;
    for (const { buffer, firstRow: partRow, rows } of matrix.parts) {
      const begin = Math.max(row, partRow);
      const end = Math.min(endRow, partRow + rows);
      if (begin >= end) continue;
      const place = [(begin - row) * stride, (end - begin) * stride] as const;
      this.#context.device.queue.writeBuffer(buffer, (begin - partRow) * stride, kept, ...place);
    }

    this.#unawaitedBytes += kept.byteLength;
    if (this.#unawaitedBytes > bytesBetweenWaits) await this.#uploaded();
  }

  /** Resolves when all rows have reached the GPU, and everything that sessions have in common is ready. */
  async ready(): Promise<void> {
    for (let layer = 0; layer < this.#request.dims.layerCount; layer++) {
      for (const roles of vectorGroups) this.vector(layer, ...roles);
    }
    await this.#uploaded();
  }

  async #uploaded(): Promise<void> {
    this.#unawaitedBytes = 0;
    await this.#context.wait(this.#context.device.queue.onSubmittedWorkDone());
  }

  get bytes(): number {
    return this.#scope.bytes;
  }

  /** Bytes of the matrices that one decoded token reads under a plan: all but the embedding, which is one row unless tied. */
  bytesReadPerToken(kv: ReadonlyMap<number, KeyValueWeights>): number {
    const rows = [...this.#matrices].filter(([key]) => !key.startsWith('kv/'));
    const read = rows.filter(([key]) => this.#request.dims.tiedEmbeddings || !key.startsWith('embed/'));
    const own = [...kv.values()].map(({ matrix }) => matrixBytes(matrix));
    return [...read.map(([, matrix]) => matrixBytes(matrix)), ...own].reduce((sum, size) => sum + size, 0);
  }

  /** Whether some matrix lies in several buffers. */
  get inParts(): boolean {
    return [...this.#matrices.values()].some((matrix) => matrix.parts.length > 1);
  }

  matrix(role: Exclude<MatrixRole, 'kv'>, layer = 0): Matrix {
    return this.#matrix(role, layer);
  }

  #matrix(role: MatrixRole, layer: number): Matrix {
    const matrix = this.#matrices.get(`${role}/${layer}`);
    if (!matrix) throw new Error(`the model has no ${role} in layer ${layer}`);
    return matrix;
  }

  /** A vector, or zeros if the model has none, in float32, padded with zeros. Several roles lie one behind the other. */
  vector(layer: number, ...roles: WeightRole[]): GPUBuffer {
    const parts = roles.flatMap((role) => this.#vectors.get(vectorKey(role, layer)) ?? []);
    return this.#vectorBuffer(parts.length ? `${roles.join('+')}/${layer}` : 'none', parts);
  }

  #vectorBuffer(key: string, parts: readonly Float32Array[], scope = this.#scope): GPUBuffer {
    const kept = scope === this.#scope ? this.#vectorBuffers.get(key) : undefined;
    if (kept) return kept;
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    const values = new Float32Array(paddedCols(length));
    let at = 0;
    for (const part of parts) {
      values.set(part, at);
      at += part.length;
    }
    const buffer = scope.storage(key, values.byteLength);
    this.#context.device.queue.writeBuffer(buffer, 0, values);
    if (scope === this.#scope) this.#vectorBuffers.set(key, buffer);
    return buffer;
  }

  /**
   * The key and value projections of every owner of a plan. A single stored tensor is used as it is. Means are computed
   * in float32, into `scope`.
   */
  async keyValueWeights(
    wanted: readonly LayerType[],
    scope: Scope,
  ): Promise<ReadonlyMap<number, KeyValueWeights>> {
    const projections = new Map<number, KeyValueWeights>();
    const recorder = this.#context.kernels.record(scope);
    for (const [owner, sources] of kvSources(this.#request.storedLayers, wanted)) {
      const [source] = sources;
      if (source !== undefined && isCopy(sources)) {
        projections.set(owner, {
          matrix: this.#matrix('kv', source),
          bias: this.vector(source, 'kBias', 'vBias'),
          keyNorm: this.vector(source, 'kNorm'),
          vectors: this.#vectorsOf(owner, scope, (role) => this.#vectors.get(vectorKey(role, source)) ?? []),
        });
        continue;
      }
      const { addWeights } = await import('./kernels/add-weights.ts');
      const matrices = sources.map((layer) => this.#matrix('kv', layer));
      const { rows, cols } = matrices[0] ?? { rows: 0, cols: 0 };
      const shape = { rows, cols, type: 'f32' } as const;
      const mean = allocateMatrix(scope, `kv-mean/${owner}`, shape, this.#context.largestBindingBytes);
      for (const [i, matrix] of matrices.entries()) {
        const place = { first: i === 0, last: i === matrices.length - 1, count: matrices.length };
        for (const [p, part] of matrix.parts.entries()) {
          const y = mean.parts[p]?.buffer;
          if (!y)
            throw new Error(`the parts of ${owner}'s mean are not those of layer ${String(sources[i])}`);
          recorder.add(
            addWeights,
            { ...place, matrix: part, halves: this.#request.weights === 'f16' },
            { w: part.buffer, y },
          );
        }
      }
      const vectorMean = (role: WeightRole) =>
        meanOf(sources.flatMap((layer) => this.#vectors.get(vectorKey(role, layer)) ?? []));
      projections.set(owner, {
        matrix: mean,
        bias: this.#vectorBuffer(`kv-mean-bias/${owner}`, [vectorMean('kBias'), vectorMean('vBias')], scope),
        keyNorm: this.#vectorBuffer(`kv-mean-norm/${owner}`, [vectorMean('kNorm')], scope),
        vectors: this.#vectorsOf(owner, scope, vectorMean),
      });
    }

    const recording = await recorder.finish();
    const encoder = this.#context.device.createCommandEncoder({ label: 'convert' });
    const pass = encoder.beginComputePass();
    recording.replay(pass);
    pass.end();
    this.#context.device.queue.submit([encoder.finish()]);
    return projections;
  }

  /** @param ofKeyValue the vectors of the keys' and values' roles */
  #vectorsOf(
    owner: number,
    scope: Scope,
    ofKeyValue: (role: WeightRole) => Float32Array | readonly [],
  ): GPUBuffer {
    const { hiddenSize, qkvBias, qkNorm } = this.#request.dims;
    if (!qkvBias && !qkNorm) return this.vector(owner, 'attentionNorm');
    const own = (role: WeightRole) => this.#vectors.get(vectorKey(role, owner)) ?? [];
    const gain = new Float32Array(paddedCols(hiddenSize));
    gain.set(own('attentionNorm'));
    const biases = qkvBias ? [own('qBias'), ofKeyValue('kBias'), ofKeyValue('vBias')] : [];
    const headGains = qkNorm ? [own('qNorm'), ofKeyValue('kNorm')] : [];
    const parts = [gain, ...biases, ...headGains].map((part) => Float32Array.from(part));
    return this.#vectorBuffer(`qkv-vectors/${owner}`, parts, scope);
  }

  free(): void {
    this.#scope.free();
  }
}

const vectorKey = (role: WeightRole, layer: number) => `${role}/${layer}`;

const matrixKey = (spec: WeightSpec): string | undefined => {
  const place = places[spec.role];
  return place && `${place.role}/${spec.layer}`;
};
