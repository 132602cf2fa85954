/** What this browser lacks; null if wllama can run in it. Its build for such browsers is another one, and much slower. */
export function lacksForWllama(): string | null {
  try {
    // Its types know 32 bits alone.
    new WebAssembly.Memory({ address: 'i64', initial: 1n } as never);
    return null;
  } catch {
    return 'WebAssembly with memory of 64 bits';
  }
}
