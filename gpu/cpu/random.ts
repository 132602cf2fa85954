/**
 * A counter-based generator: a pure function of seed and counter, so that a draw depends on its position alone,
 * independent of earlier draws. Threefry-2x32 with 20 rounds, Salmon et al., "Parallel random numbers: as easy as
 * 1, 2, 3" (SC 2011). `kernels/random.wgsl` is its mirror.
 */
export function threefry2x32(
  key: readonly [number, number],
  counter: readonly [number, number],
): [number, number] {
  const keys = [key[0], key[1], (0x1bd11bda ^ key[0] ^ key[1]) >>> 0] as const;
  const rotations = [13, 15, 26, 6, 17, 29, 16, 24] as const;
  let x = (counter[0] + keys[0]) >>> 0;
  let y = (counter[1] + keys[1]) >>> 0;
  for (let round = 0; round < 20; round++) {
    const rotation = rotations[(round % 8) as 0];
    x = (x + y) >>> 0;
    y = ((y << rotation) | (y >>> (32 - rotation))) >>> 0;
    y = (y ^ x) >>> 0;
    if (round % 4 === 3) {
      const injection = (round + 1) / 4;
      x = (x + keys[(injection % 3) as 0]) >>> 0;
      y = (y + keys[((injection + 1) % 3) as 0] + injection) >>> 0;
    }
  }
  return [x, y];
}

/** A seed below 2^53 as the generator's key: its low and its high 32 bits. */
export const seedKey = (seed: number): [number, number] => [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0];

/** The 32 random bits with which the token at `position` is drawn. */
export const drawBits = (seed: number, position: number): number =>
  threefry2x32(seedKey(seed), [position, 0])[0];
