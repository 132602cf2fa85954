import { BackendError } from '../backend-error.ts';

/**
 * The one place where GPU memory comes from. Every buffer has a label and belongs to a scope, and goes when its scope
 * is freed, so that what is counted is what is allocated.
 */
export class Ledger {
  readonly #device: GPUDevice;
  readonly #scopes = new Set<Scope>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** Opens a scope: the owner of buffers that live and die together. */
  scope(owner: string): Scope {
    const scope = new Scope(this.#device, owner, () => this.#scopes.delete(scope));
    this.#scopes.add(scope);
    return scope;
  }

  /** Bytes allocated now, by all owners. */
  get bytes(): number {
    return [...this.#scopes].reduce((sum, scope) => sum + scope.bytes, 0);
  }

  /** What is allocated now, buffer by buffer. */
  entries(): readonly LedgerEntry[] {
    return [...this.#scopes].flatMap((scope) => scope.entries());
  }

  freeAll(): void {
    for (const scope of this.#scopes) scope.free();
  }
}

/** What the ledger counts for a buffer of so many bytes. */
export const allocatedSize = (bytes: number) => Math.max(16, Math.ceil(bytes / 16) * 16);

export interface LedgerEntry {
  readonly owner: string;
  readonly label: string;
  readonly bytes: number;
  /** For tests, which fill buffers with values that nothing may read. */
  readonly buffer: GPUBuffer;
}

export class Scope {
  readonly #device: GPUDevice;
  readonly #owner: string;
  readonly #onFree: () => void;
  readonly #buffers = new Map<GPUBuffer, LedgerEntry>();
  readonly #checks: Promise<void>[] = [];

  constructor(device: GPUDevice, owner: string, onFree: () => void) {
    this.#device = device;
    this.#owner = owner;
    this.#onFree = onFree;
  }

  /**
   * A zeroed buffer. Whether the memory was there is known when `settled` resolves.
   *
   * @throws BackendError `limit-too-small` if the adapter can never bind so many bytes
   */
  allocate(label: string, bytes: number, usage: GPUBufferUsageFlags): GPUBuffer {
    const size = allocatedSize(bytes);
    const { maxBufferSize, maxStorageBufferBindingSize } = this.#device.limits;
    const storage = (usage & GPUBufferUsage.STORAGE) !== 0;
    const limit = storage ? 'maxStorageBufferBindingSize' : 'maxBufferSize';
    const available = storage ? Math.min(maxBufferSize, maxStorageBufferBindingSize) : maxBufferSize;
    const what = `${this.#owner}/${label}`;
    if (size > available) {
      throw new BackendError({ code: 'limit-too-small', what, limit, needed: size, available });
    }

    this.#device.pushErrorScope('out-of-memory');
    const buffer = this.#device.createBuffer({ label: what, size, usage });
    const check = this.#device.popErrorScope().then((error) => {
      if (error) throw new BackendError({ code: 'out-of-memory', what, bytes: size });
    });
    check.catch(() => undefined); // `settled` reports the rejection.
    this.#checks.push(check);
    this.#buffers.set(buffer, { owner: this.#owner, label, bytes: size, buffer });
    return buffer;
  }

  /** A storage buffer for kernels, which can be written from and copied to the host. */
  storage(label: string, bytes: number): GPUBuffer {
    const { STORAGE, COPY_DST, COPY_SRC } = GPUBufferUsage;
    return this.allocate(label, bytes, STORAGE | COPY_DST | COPY_SRC);
  }

  uniform(label: string, bytes: number): GPUBuffer {
    return this.allocate(label, bytes, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST);
  }

  /** A buffer that the host maps to read what was copied into it. */
  staging(label: string, bytes: number): GPUBuffer {
    return this.allocate(label, bytes, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
  }

  /** @throws BackendError `out-of-memory` naming the first buffer for which there was no memory */
  async settled(): Promise<void> {
    await Promise.all(this.#checks.splice(0));
  }

  get bytes(): number {
    return this.entries().reduce((sum, entry) => sum + entry.bytes, 0);
  }

  entries(): readonly LedgerEntry[] {
    return [...this.#buffers.values()];
  }

  free(): void {
    for (const buffer of this.#buffers.keys()) buffer.destroy();
    this.#buffers.clear();
    this.#onFree();
  }
}
