export const LONGEST_KERNEL_FILE = 200;

/** Whether a text may name a file with kernels of LESS beside a model. It is never a path. */
export const isKernelFile = (name: string): boolean =>
  name.length <= LONGEST_KERNEL_FILE && /^\w[\w.-]*\.safetensors$/.test(name);
