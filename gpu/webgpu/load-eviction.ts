/** What only texts under a policy need. */
export async function loadEviction() {
  const [{ Eviction: evictionOf }, { evictionFacts }] = await Promise.all([
    import('./eviction.ts'),
    import('./batch-eviction.ts'),
  ]);
  return { Eviction: evictionOf, evictionFacts };
}
