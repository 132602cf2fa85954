/**
 * Import this before a library that formats numbers for `navigator.language` while it loads, such as uPlot. They throw if
 * that is no language tag: a browser that runs in the locale C may say "C". This page is in English, so it says "en".
 */
if ('navigator' in globalThis) {
  try {
    Intl.getCanonicalLocales(navigator.language);
  } catch {
    Object.defineProperty(navigator, 'language', { value: 'en' });
  }
}
export {};
