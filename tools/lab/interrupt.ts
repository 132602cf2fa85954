/** npm passes Ctrl+C on to a process that the terminal has told already. */
const SAME_KEY_MS = 500;

/**
 * Calls `stop` at the first Ctrl+C or SIGTERM, and ends the process at the second.
 *
 * @returns a function that ends the watch
 */
export function onInterrupt(stop: () => void): () => void {
  let firstMs: number | null = null;
  const interrupted = () => {
    const nowMs = performance.now();
    if (firstMs === null) {
      firstMs = nowMs;
      stop();
    } else if (nowMs - firstMs > SAME_KEY_MS) {
      process.exit(130);
    }
  };
  process.on('SIGINT', interrupted).on('SIGTERM', interrupted);
  return () => {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
  };
}
