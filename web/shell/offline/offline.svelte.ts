/** How often a page that stays open asks whether there is a newer one. */
const ASK_AGAIN_MS = 60 * 60 * 1000;

/** The service worker's side of the page: it works without a network, and a new version waits until it is asked for. */
export class Offline {
  /** A newer page is stored and waits. */
  updateReady = $state.raw(false);
  #registration: ServiceWorkerRegistration | null = null;
  #started = false;

  /** Registers the service worker. Called once the model is there: storing the page must not slow its loading down. */
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
      // Private windows and odd hosts refuse it: the page works as before, with a network.
    }
  }

  /** Replaces the page by the one that waits. */
  update(): void {
    const waiting = this.#registration?.waiting;
    if (!waiting) return;
    navigator.serviceWorker.addEventListener('controllerchange', () => location.reload(), { once: true });
    waiting.postMessage({ type: 'SKIP_WAITING' });
  }

  #watch(registration: ServiceWorkerRegistration): void {
    // Without a controller this is the first visit: what waits is the page itself.
    this.updateReady = registration.waiting !== null && navigator.serviceWorker.controller !== null;
  }
}
