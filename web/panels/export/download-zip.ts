/** How long the browser may take to start a download. */
const KEEP_URL_MS = 60_000;

/** Hands a file to the browser's downloads. */
export function downloadZip(zip: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(zip);
  link.download = name;
  link.click();
  setTimeout(() => {
    URL.revokeObjectURL(link.href);
  }, KEEP_URL_MS);
}
