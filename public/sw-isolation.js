// Part of the service worker, before Workbox. On a host that cannot set headers, it adds those that isolate the page from
// other sites (tools/setup/isolation.mjs), so that its workers may share memory. The first visit does without: the
// service worker answers from the second one on, and nothing is reloaded for it.
{
  const isolation = {
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Embedder-Policy': 'require-corp',
  };
  /** What starts a page or a worker. What these load from their own origin needs no headers. */
  const started = new Set(['document', 'worker']);

  const isolated = (/** @type {Response} */ response) => {
    // A redirect, an error, or a host that has its own mind.
    if (response.status === 0 || response.headers.has('Cross-Origin-Embedder-Policy')) return response;
    const headers = new Headers(response.headers);
    for (const [name, value] of Object.entries(isolation)) headers.set(name, value);
    const { status, statusText } = response;
    return new Response(response.body, { status, statusText, headers });
  };

  // Workbox answers through this, and offers no other place where all of its answers pass.
  const { respondWith } = FetchEvent.prototype;
  FetchEvent.prototype.respondWith = function (answer) {
    const { destination } = this.request;
    respondWith.call(this, started.has(destination) ? Promise.resolve(answer).then(isolated) : answer);
  };
}
