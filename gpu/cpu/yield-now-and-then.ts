let lastYieldMs = 0;

/** Lets the worker receive a stop. Takes a macrotask, at most every 10 ms, because a microtask lets no message in. */
export async function yieldNowAndThen(): Promise<void> {
  if (performance.now() - lastYieldMs < 10) return;
  await new Promise<void>((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
  lastYieldMs = performance.now();
}
