// out = rotate(norm(W·in(x) + bias)), heads of a query, or of keys and values into a cache row        COLUMNS rows and one block a workgroup
override BIASED: bool = false;

@group(0) @binding(4) var<storage, read>       bias:     array<f32>;    // [heads, HEAD_DIM]
@group(0) @binding(5) var<storage, read>       headGain: array<f32>;    // [HEAD_DIM]
@group(0) @binding(6) var<storage, read>       rope:     array<vec2f>;  // [angles, HEAD_DIM / 2], (cos, sin)
@group(0) @binding(7) var<storage, read_write> out:      array<u32>;    // [rows, OUT_HEADS, HEAD_DIM] in OUT_FORMAT
@group(0) @binding(8) var<storage, read>       rows:     array<Row>;
@group(0) @binding(9) var<uniform>             step:     Step;

fn headGainAt(head: u32, i: u32) -> f32 { return headGain[i]; }

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let block = group.y;
  let head = block / (HEAD_DIM / BLOCK);
  let place = 4u * (local / LANES); // BLOCK / 4 of them, and a block's quarters are neighbors
  let first = head * HEAD_DIM + elementOf(block, place);
  let sums = multiply(first + vec4u(0u, 1u, 2u, 3u), group.x, local);
  finish(group.x * COLUMNS + column_c0, block, first, place, sums.of_c0, local);
}

// One column. There may be fewer rows than columns.
fn finish(row: u32, block: u32, first: u32, place: u32, sums: vec4f, local: u32) {
  if (row >= step.rows) { return; }
  for (var i = local % LANES; i < 4u; i += LANES) {
    var result = sums[i];
    if (BIASED) { result += bias[first + i]; }
    projected[place + i] = result;
  }
  finishBlock(block, row, local, WG);
}
