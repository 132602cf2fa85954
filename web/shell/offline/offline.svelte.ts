/** How often an open page checks for a new version. */
const ASK_AGAIN_MS = 60 * 60 * 1000;

/** Where a new version is: stored and waiting, or started by another tab, so that this page's own files are gone. */
type NewVersion = 'waiting' | 'started';

/** Makes the page work offline. A new version waits until the person asks for it, or for the next visit. */
export class Offline {
  /** Null if this page is the newest version that is known. */
  newVersion = $state.raw<NewVersion | null>(null);
  #registration: ServiceWorkerRegistration | null = null;
  #started = false;

  constructor() {
    const workers = navigator.serviceWorker as ServiceWorkerContainer | undefined; // absent if not served securely
    let controlled = Boolean(workers?.controller);
    workers?.addEventListener('controllerchange', () => {
      // The first one is of this version.
      if (controlled) this.newVersion = 'started';
      controlled = true;
    });
  }

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

  /** Reloads the page as the new version. */
  update(): void {
    const waiting = this.#registration?.waiting;
    if (!waiting) {
      location.reload(); // another tab has started it
      return;
    }
    navigator.serviceWorker.addEventListener('controllerchange', () => location.reload(), { once: true });
    waiting.postMessage({ type: 'SKIP_WAITING' });
  }

  #watch(registration: ServiceWorkerRegistration): void {
    if (this.newVersion === 'started') return;
    // Without a controller this is the first visit, and what waits is this version.
    const waits = registration.waiting !== null && navigator.serviceWorker.controller !== null;
    this.newVersion = waits ? 'waiting' : null;
  }
}
