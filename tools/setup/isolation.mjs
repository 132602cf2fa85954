/**
 * Headers of a page that shares its process with no other site, which browsers ask for before its workers may share
 * memory. Every script that starts a worker needs the second one too. `public/sw-isolation.js` adds them on hosts that
 * cannot.
 */
export const isolation = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};
