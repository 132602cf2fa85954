// Threefry-2x32 with 20 rounds: a pure function of key and counter. The mirror of cpu/random.ts.
fn threefry(key: vec2u, counter: vec2u) -> vec2u {
  let keys = array<u32, 3>(key.x, key.y, 0x1bd11bdau ^ key.x ^ key.y);
  var rotations = array<u32, 8>(13u, 15u, 26u, 6u, 17u, 29u, 16u, 24u);
  var injected = keys;
  var state = counter + key;
  for (var round = 0u; round < 20u; round++) {
    let rotation = rotations[round % 8u];
    state.x += state.y;
    state.y = ((state.y << rotation) | (state.y >> (32u - rotation))) ^ state.x;
    if (round % 4u == 3u) {
      let injection = (round + 1u) / 4u;
      state.x += injected[injection % 3u];
      state.y += injected[(injection + 1u) % 3u] + injection;
    }
  }
  return state;
}

// The high 32 bits of a · b.
fn multiplyHigh(a: u32, b: u32) -> u32 {
  let aLow = a & 0xffffu;
  let aHigh = a >> 16u;
  let bLow = b & 0xffffu;
  let bHigh = b >> 16u;
  let middle = aHigh * bLow + ((aLow * bLow) >> 16u);
  let carry = (aLow * bHigh + (middle & 0xffffu)) >> 16u;
  return aHigh * bHigh + (middle >> 16u) + carry;
}
