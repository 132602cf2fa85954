/** Reads memory from cache line to cache line, so that it is in the caches when it is needed. Returns nothing of use. */
export function readAhead(from: usize, bytes: usize): i32 {
  let seen: i32 = 0;
  for (const end = from + bytes; from < end; from += 64) seen |= load<i32>(from);
  return seen;
}
