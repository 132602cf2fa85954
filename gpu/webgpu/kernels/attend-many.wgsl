// y[row] = softmax(q[row]·K / √HEAD_DIM)·V of many rows, as attend.wgsl computes it        ROWS rows of HEADS_HERE heads a workgroup
// All of these queries share every key and value that is loaded. KEYS keys go by at a time: the product of both, a running
// softmax (FlashAttention), and PIECE after PIECE the product with the values. LANES invocations keep four queries: their
// scores, one key in LANES each, and their outputs. Sums are in float32.
override WG: u32;           // LANES for every block of four queries
override HEAD_DIM: u32;
override KV_HEADS: u32;
override GROUP: u32;        // query heads that share a KV head
override HEADS_HERE: u32;   // of them in this workgroup: divides GROUP
override ROWS: u32;         // a multiple of 16
override LANES: u32;        // a multiple of 8; at most four of HEAD_DIM / 4 vec4 are left to each
override PIECE: u32;        // keys whose values are in a tile: divides KEYS
override STATS: bool = false;  // whether maxima and sums are left, after all rows of y

const NONE = -1e30;

@group(0) @binding(0) var<storage, read>       q:    array<vec4f>;  // [rows, heads, HEAD_DIM]
@group(0) @binding(1) var<storage, read>       kv:   array<vec4u>;  // [slots, (keys, values), KV_HEADS, HEAD_DIM]
@group(0) @binding(2) var<storage, read_write> y:    array<vec4f>;  // [rows, heads, HEAD_DIM], then (max, sum, 0, 0) [rows, heads]
@group(0) @binding(3) var<storage, read>       rows: array<Row>;   // of the store that is read, in each segment at ascending positions
@group(0) @binding(4) var<uniform>             step: Step;

override KEYS: u32 = 4u * LANES;
override QUERIES: u32 = ROWS * HEADS_HERE;
override BLOCKS: u32 = QUERIES / 4u;  // query i of block b is b + i · BLOCKS
override UNITS: u32 = HEAD_DIM / 8u;
override OUTS: u32 = (HEAD_DIM / 4u + LANES - 1u) / LANES;
override QUERY_TILE: u32;  // vec4, as many as each use below needs
override KEY_TILE: u32;

// Two units of every query [4][QUERIES]; then maxima [BLOCKS][LANES]; then weights of a piece [PIECE][BLOCKS], padded.
var<workgroup> queryTile: array<vec4f, QUERY_TILE>;
// Two units of every key [4][KEYS]; then values [PIECE][HEAD_DIM / 4].
var<workgroup> keyTile: array<vec4f, KEY_TILE>;

// Exclusive-or with the depth, so that neighbors that write several depths of one row share no bank.
fn queryAt(depth: u32, query: u32) -> u32 { return depth * QUERIES + (query ^ (2u * depth)); }

fn keyAt(depth: u32, key: u32) -> u32 { return depth * KEYS + (key ^ (2u * (depth & 2u))); }

// The rows of a workgroup in the step: up to ROWS of one segment. None if there are fewer tiles than workgroups.
fn tileAt(index: u32) -> vec2u {
  var before = 0u;
  for (var i = 0u; i < step.segments; i++) {
    let segment = segmentAt(i);
    let tiles = (segment.y + ROWS - 1u) / ROWS;
    if (index < before + tiles) {
      let first = (index - before) * ROWS;
      return vec2u(segment.x + first, segment.x + min(first + ROWS, segment.y));
    }
    before += tiles;
  }
  return vec2u();
}

// Which vec4 of a head lies at a depth of a chunk of two units: both of each unit, or one and the one that it is turned with.
fn quarterAt(chunk: u32, depth: u32) -> u32 {
  let unit = chunk + depth / 2u;
  return select(2u * unit + depth % 2u, unit + (depth % 2u) * UNITS, RANKED);
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let heads = KV_HEADS * GROUP;
  let firstHead = group.x * HEADS_HERE;
  let kvHead = firstHead / GROUP;
  let rowsHere = tileAt(group.y);
  let firstRow = rowsHere.x;
  let endRow = rowsHere.y;
  if (firstRow == endRow) { return; }
  let lane = local % LANES;
  let block = local / LANES;
  let firstPlace = rows[step.firstRow + firstRow];
  let lastPlace = rows[step.firstRow + endRow - 1u];
  let first = firstKey(firstPlace);
  let end = endKey(lastPlace);

  // What each of the four queries sees: positions [sees, blind).
  var sees = vec4u();
  var blind = vec4u();
  for (var i = 0u; i < 4u; i++) {
    let row = firstRow + (block + i * BLOCKS) / HEADS_HERE;
    if (row >= endRow) { continue; }
    let position = rows[step.firstRow + row].position;
    sees[i] = visibleFrom(position);
    blind[i] = visibleTo(position);
  }

  var most = vec4f(NONE);     // running maximum of each query's scores
  var total = vec4f();
  var outs: array<vec4f, 16>;  // [OUTS][4 queries]

  for (var tile = first; tile < end; tile += KEYS) {
    // Scores of four keys [4 keys] (4 queries). Zeroed, because on Dawn with Vulkan a variable kept the value of the last round.
    var scores = array<vec4f, 4>();
    for (var chunk = 0u; chunk < UNITS; chunk += 2u) {
      for (var i = local; i < 4u * QUERIES; i += WG) {
        let depth = i % 4u;
        let query = i / 4u;
        let row = firstRow + query / HEADS_HERE;
        var value = vec4f();
        if (row < endRow && chunk + depth / 2u < UNITS) {
          value = q[(row * heads + firstHead + query % HEADS_HERE) * (HEAD_DIM / 4u) + quarterAt(chunk, depth)];
        }
        queryTile[queryAt(depth, query)] = value * inverseSqrt(f32(HEAD_DIM));
      }
      for (var i = local; i < 2u * KEYS; i += WG) {
        let unit = chunk + i % 2u;
        let key = tile + i / 2u;
        var eight = Eight();
        if (key < end && unit < UNITS) {
          let slot = slotOf(lastPlace, key);
          if (RANKED) { eight = turnedQuarters(lastPlace, slot, kvHead, unit); } else { eight = kvAt(slot, 0u, kvHead, unit); }
        }
        keyTile[keyAt(2u * (i % 2u), i / 2u)] = eight.a;
        keyTile[keyAt(2u * (i % 2u) + 1u, i / 2u)] = eight.b;
      }
      workgroupBarrier();
      for (var depth = 0u; depth < 4u; depth++) {
        let q0 = queryTile[queryAt(depth, block)];
        let q1 = queryTile[queryAt(depth, block + BLOCKS)];
        let q2 = queryTile[queryAt(depth, block + 2u * BLOCKS)];
        let q3 = queryTile[queryAt(depth, block + 3u * BLOCKS)];
        for (var j = 0u; j < 4u; j++) {
          let k = keyTile[keyAt(depth, lane + j * LANES)];
          scores[j] += vec4f(dot(q0, k), dot(q1, k), dot(q2, k), dot(q3, k));
        }
      }
      workgroupBarrier();
    }

    var highest = most;
    for (var j = 0u; j < 4u; j++) {
      let key = tile + lane + j * LANES;
      var position = blind;
      if (key < end) { position = vec4u(positionOf(lastPlace, key, kvHead)); }
      scores[j] = select(vec4f(NONE), scores[j], (position >= sees) & (position < blind));
      highest = max(highest, scores[j]);
    }
    queryTile[block * LANES + lane] = highest;
    workgroupBarrier();
    for (var l = 0u; l < LANES; l++) { highest = max(highest, queryTile[block * LANES + l]); }
    workgroupBarrier();
    let correction = exp(most - highest);
    most = highest;
    total *= correction;
    for (var o = 0u; o < OUTS; o++) {
      for (var i = 0u; i < 4u; i++) { outs[4u * o + i] *= correction[i]; }
    }

    // If some query does not see some key, that key's value may be anything to it, and nothing times infinity is not nothing.
    let allSeen = IN_SEQUENCE && firstRow + ROWS <= endRow && tile >= visibleFrom(lastPlace.position) &&
      tile + KEYS <= visibleTo(firstPlace.position);
    for (var piece = 0u; piece < KEYS; piece += PIECE) {
      for (var j = 0u; j < 4u; j++) {
        let key = lane + j * LANES;
        if (key < piece || key >= piece + PIECE) { continue; }
        queryTile[(key - piece) * (BLOCKS + 1u) + block] =
          select(exp(scores[j] - highest), vec4f(), scores[j] == vec4f(NONE));
      }
      for (var i = local; i < PIECE * UNITS; i += WG) {
        let key = tile + piece + i / UNITS;
        var eight = Eight();
        if (key < end) { eight = kvAt(slotOf(lastPlace, key), 1u, kvHead, i % UNITS); }
        keyTile[2u * i] = eight.a;
        keyTile[2u * i + 1u] = eight.b;
      }
      workgroupBarrier();
      for (var key = 0u; key < PIECE; key++) {
        let weights = queryTile[key * (BLOCKS + 1u) + block];
        total += weights;
        for (var o = 0u; o < OUTS; o++) {
          let v = keyTile[key * (HEAD_DIM / 4u) + min(lane + o * LANES, HEAD_DIM / 4u - 1u)];
          if (allSeen) {
            outs[4u * o] += weights.x * v;
            outs[4u * o + 1u] += weights.y * v;
            outs[4u * o + 2u] += weights.z * v;
            outs[4u * o + 3u] += weights.w * v;
          } else {
            outs[4u * o] += select(weights.x * v, vec4f(), weights.x == 0.0);
            outs[4u * o + 1u] += select(weights.y * v, vec4f(), weights.y == 0.0);
            outs[4u * o + 2u] += select(weights.z * v, vec4f(), weights.z == 0.0);
            outs[4u * o + 3u] += select(weights.w * v, vec4f(), weights.w == 0.0);
          }
        }
      }
      workgroupBarrier();
    }
  }

  for (var i = 0u; i < 4u; i++) {
    let query = block + i * BLOCKS;
    let row = firstRow + query / HEADS_HERE;
    if (row >= endRow) { continue; }
    let at = row * heads + firstHead + query % HEADS_HERE;
    for (var o = 0u; o < OUTS; o++) {
      let quarter = lane + o * LANES;
      if (quarter >= HEAD_DIM / 4u) { break; }
      y[at * (HEAD_DIM / 4u) + quarter] = select(outs[4u * o + i] / total[i], vec4f(), total[i] == 0.0);
    }
    if (STATS && lane == 0u) {
      y[step.rows * heads * (HEAD_DIM / 4u) + at] = vec4f(most[i], total[i], 0.0, 0.0);
    }
  }
}
