// The heads of queries to `queries`, and those of keys and values into cache rows: rotate(norm(W·in(x) + bias)).
// COLUMNS rows and one block a workgroup. W is the queries' matrix above that of keys and values.
override BIASED: bool = false;
override QUERY_HEADS: u32;

// `gain` also holds, behind the gains of x, the biases if there are some [all heads, HEAD_DIM], and the gains of the
// queries' and the keys' heads if they are normed [2, HEAD_DIM].
@group(0) @binding(4) var<storage, read>       keyValueWeights: array<vec4u>;  // [2 · KV heads · HEAD_DIM, cols]
@group(0) @binding(5) var<storage, read>       rope:    array<vec2f>;  // [angles, HEAD_DIM / 2], (cos, sin)
@group(0) @binding(6) var<storage, read_write> queries: array<u32>;    // [rows, QUERY_HEADS, HEAD_DIM] in float32
@group(0) @binding(7) var<storage, read_write> out:     array<u32>;    // [slots, OUT_HEADS, HEAD_DIM] in OUT_FORMAT
@group(0) @binding(8) var<storage, read>       rows:    array<Row>;    // of the store that is written
@group(0) @binding(9) var<uniform>             step:    Step;

var<private> ofQuery: bool;

fn weightAt(i: u32) -> vec4u {
  if (ofQuery) { return w[i]; }
  return keyValueWeights[i];
}

fn weightWordAt(i: u32, word: u32) -> u32 {
  if (ofQuery) { return w[i][word]; }
  return keyValueWeights[i][word];
}

fn vectorAt(i: u32) -> f32 {
  let at = shape.cols + i;
  return gain[at / 4u][at % 4u];
}

fn headGainAt(head: u32, i: u32) -> f32 {
  let biases = select(0u, (QUERY_HEADS + OUT_HEADS) * HEAD_DIM, BIASED);
  return vectorAt(biases + select(HEAD_DIM, 0u, head < QUERY_HEADS) + i);
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let block = group.y;
  let head = block / (HEAD_DIM / BLOCK);
  ofQuery = head < QUERY_HEADS;
  let place = 4u * (local / LANES); // BLOCK / 4 of them, and a block's quarters are neighbors
  let first = head * HEAD_DIM + elementOf(block, place);
  let matrixRow = first - select(QUERY_HEADS * HEAD_DIM, 0u, ofQuery);
  let sums = multiply(matrixRow + vec4u(0u, 1u, 2u, 3u), group.x, local);
  finish(group.x * COLUMNS + column_c0, block, first, place, sums.of_c0, local);
}

// One column. There may be fewer rows than columns.
fn finish(row: u32, block: u32, first: u32, place: u32, sums: vec4f, local: u32) {
  if (row >= step.rows) { return; }
  for (var i = local % LANES; i < 4u; i += LANES) {
    var result = sums[i];
    if (BIASED) { result += vectorAt(first + i); }
    projected[place + i] = result;
  }
  let at = rows[step.firstRow + row];
  let head = block / (HEAD_DIM / BLOCK);
  turnBlock(block, head, at, local, WG);
  if (head >= QUERY_HEADS) {
    putBlock(block, head - QUERY_HEADS, row, at, local, WG);
    return;
  }
  let base = (row * QUERY_HEADS + head) * HEAD_DIM;
  for (var i = local; i < BLOCK; i += WG) { queries[base + elementOf(block, i)] = bitcast<u32>(finished[i]); }
}
