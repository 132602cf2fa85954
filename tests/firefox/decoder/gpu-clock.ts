/** Measures the time of the GPU itself: while attached, it gives every compute pass two timestamps. */
export class GpuClock {
  readonly #device: GPUDevice;
  readonly #querySet: GPUQuerySet;
  readonly #createEncoder: GPUDevice['createCommandEncoder'];
  #used = 0;

  /** @param device opened with `timestamp-query` */
  constructor(device: GPUDevice, mostPasses: number) {
    this.#device = device;
    this.#querySet = device.createQuerySet({ type: 'timestamp', count: 2 * mostPasses });
    this.#createEncoder = device.createCommandEncoder.bind(device);
    device.createCommandEncoder = (descriptor) => this.#clocked(this.#createEncoder(descriptor));
  }

  get passes(): number {
    return this.#used / 2;
  }

  #clocked(encoder: GPUCommandEncoder): GPUCommandEncoder {
    const begin = encoder.beginComputePass.bind(encoder);
    encoder.beginComputePass = (descriptor) =>
      begin({
        ...descriptor,
        timestampWrites: {
          querySet: this.#querySet,
          beginningOfPassWriteIndex: this.#used++,
          endOfPassWriteIndex: this.#used++,
        },
      });
    return encoder;
  }

  /** Detaches, and returns the sum of all passes in milliseconds. */
  async sumMs(): Promise<number> {
    this.#device.createCommandEncoder = this.#createEncoder;
    const bytes = 8 * this.#used;
    const { QUERY_RESOLVE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
    const resolved = this.#device.createBuffer({ size: bytes, usage: QUERY_RESOLVE | COPY_SRC });
    const staging = this.#device.createBuffer({ size: bytes, usage: MAP_READ | COPY_DST });
    const encoder = this.#createEncoder();
    encoder.resolveQuerySet(this.#querySet, 0, this.#used, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, staging, 0, bytes);
    this.#device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const ns = new BigUint64Array(staging.getMappedRange());
    let sumNs = 0;
    for (let i = 0; i + 1 < ns.length; i += 2) sumNs += Number((ns[i + 1] ?? 0n) - (ns[i] ?? 0n));
    return sumNs / 1e6;
  }
}
