/** How many more bytes this browser lets the page store; null where it does not say. */
export async function roomLeft(): Promise<number | null> {
  // Absent where the page is not served securely.
  const storage = navigator.storage as StorageManager | undefined;
  const { quota, usage } = (await storage?.estimate().catch(() => null)) ?? {};
  return quota === undefined || usage === undefined ? null : quota - usage;
}
