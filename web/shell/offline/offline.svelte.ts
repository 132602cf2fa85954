/** How often an open page checks for a new version. */
const ASK_AGAIN_MS = 60 * 60 * 1000;

/** Makes the page work offline. A new version waits until the person asks for it, or for the next visit. */
export class Offline {
  /** Whether a new version is stored and waiting. */
  updateReady = $state.raw(false);
  #registration: ServiceWorkerRegistration | null = null;
  #started = false;

  /** Registers the service worker. Call it once the model is loaded, so that storing the page does not slow that down. */
  async start(): Promise<void> {
    if (this.#started || !('serviceWorker' in navigator) || !import.meta.env.PROD) return;
    this.#started = true;
    try {
      const registration = await navigator.serviceWorker.register('sw.js', { scope: './' });
      this.#registration = registration;
      this.#watch(registration);
      registration.addEventListener('updatefound', () => {
        registration.installing?.addEventListener('statechange', () => this.#watch(registration));
      });
      setInterval(() => void registration.update().catch(() => undefined), ASK_AGAIN_MS);
    } catch {
      // Private windows and some hosts refuse; the page then still works online.
    }
  }

  /** Reloads the page as the version that waits. */
  update(): void {
    const waiting = this.#registration?.waiting;
    if (!waiting) return;
    navigator.serviceWorker.addEventListener('controllerchange', () => location.reload(), { once: true });
    waiting.postMessage({ type: 'SKIP_WAITING' });
  }

  #watch(registration: ServiceWorkerRegistration): void {
    // Without a controller this is the first visit, and what waits is this version.
    this.updateReady = registration.waiting !== null && navigator.serviceWorker.controller !== null;
  }
}
