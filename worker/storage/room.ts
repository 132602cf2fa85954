/** How many more bytes the browser lets the page store; null if it does not say. */
export async function roomLeft(): Promise<number | null> {
  // Absent if the page is not served securely.
  const storage = navigator.storage as StorageManager | undefined;
  const { quota, usage } = (await storage?.estimate().catch(() => null)) ?? {};
  return quota === undefined || usage === undefined ? null : quota - usage;
}
