// What the kernels that finish projected heads share: norm, rotation, and where the head goes.
// A block is BLOCK elements of one head: pairs of d and d + HEAD_DIM / 2, so that it can be rotated by itself.
override HEAD_DIM: u32;
override BLOCK: u32;                // a multiple of 4 that divides HEAD_DIM; HEAD_DIM if heads are normed
override ROTATED_HEADS: u32;        // the first heads are normed and rotated, the others (values) are not
override NORMED: bool = false;
override HEAD_EPS: f32 = 1e-5;
override TO_CACHE: bool = false;    // the heads go to the row's slot of a store, else to row `row` of a float32 buffer
override OUT_FORMAT: u32 = 0u;      // 0: f32, 1: f16
override OUT_HEADS: u32;            // heads in an output row

var<workgroup> projected: array<f32, BLOCK>;
var<workgroup> finished: array<f32, BLOCK>;

// The element of its head at place i of block `block`.
fn elementOf(block: u32, i: u32) -> u32 {
  let first = (block % (HEAD_DIM / BLOCK)) * (BLOCK / 2u);
  return select(HEAD_DIM / 2u + first + i - BLOCK / 2u, first + i, i < BLOCK / 2u);
}

// From `projected` to the output, head by head of a row. By all invocations, after `projected` was written.
fn finishBlock(block: u32, row: u32, local: u32, invocations: u32) {
  let place = rows[step.firstRow + row];
  let head = block / (HEAD_DIM / BLOCK);
  turnBlock(block, head, place, local, invocations);
  putBlock(block, head, row, place, local, invocations);
}

// From `projected` to `finished`: normed and rotated. A kernel has headGainAt.
fn turnBlock(block: u32, head: u32, place: Row, local: u32, invocations: u32) {
  workgroupBarrier();
  for (var i = local; i < BLOCK; i += invocations) {
    let low = i % (BLOCK / 2u);
    let pair = elementOf(block, low);
    var a = projected[low];
    var b = projected[low + BLOCK / 2u];
    if (head < ROTATED_HEADS) {
      if (NORMED) {
        var squares = 0.0;
        for (var j = 0u; j < BLOCK; j++) { squares += projected[j] * projected[j]; }
        let factor = inverseSqrt(squares / f32(HEAD_DIM) + HEAD_EPS);
        a *= factor * headGainAt(head, pair);
        b *= factor * headGainAt(head, pair + HEAD_DIM / 2u);
      }
      let turn = rope[place.rope * (HEAD_DIM / 2u) + pair];
      let rotated = vec2f(a * turn.x - b * turn.y, b * turn.x + a * turn.y);
      a = rotated.x;
      b = rotated.y;
    }
    finished[i] = select(b, a, i < BLOCK / 2u);
  }
  workgroupBarrier();
}

// From `finished` to `out`, as that head.
fn putBlock(block: u32, head: u32, row: u32, place: Row, local: u32, invocations: u32) {
  var outRow = row;
  if (TO_CACHE) { outRow = place.slot; }
  let base = (outRow * OUT_HEADS + head) * HEAD_DIM;
  if (OUT_FORMAT == 0u) {
    for (var i = local; i < BLOCK; i += invocations) { out[base + elementOf(block, i)] = bitcast<u32>(finished[i]); }
  } else {
    for (var i = 2u * local; i < BLOCK; i += 2u * invocations) {
      out[(base + elementOf(block, i)) / 2u] = packHalves(finished[i], finished[i + 1u]);
    }
  }
}
