// sums[row] += (|now - before|^2, |now|^2), over the keys and values of a row of a store        one row of a turn a workgroup
override WG: u32 = 64;  // a power of two
override HALVES: bool;  // two 16-bit numbers a word; else one of 32 bits

@group(0) @binding(0) var<storage, read>       now:    array<u32>;    // [slots, cols]
@group(0) @binding(1) var<storage, read>       before: array<u32>;    // [slots, cols], in the same slots
@group(0) @binding(2) var<storage, read_write> sums:   array<vec2f>;  // [rows of the turn]
@group(0) @binding(3) var<storage, read>       rows:   array<Row>;
@group(0) @binding(4) var<uniform>             shape:  Shape;         // cols: words in a row of the store
@group(0) @binding(5) var<uniform>             step:   Step;

var<workgroup> partial: array<vec2f, WG>;

fn numbersOf(word: u32) -> vec2f {
  if (HALVES) { return unpack2x16float(word); }
  return vec2f(bitcast<f32>(word), 0.0);
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let row = step.firstRow + group.x;
  let start = rows[row].slot * shape.cols;
  var sum = vec2f();
  for (var i = start + local; i < start + shape.cols; i += WG) {
    let numbers = numbersOf(now[i]);
    let moved = numbers - numbersOf(before[i]);
    sum += vec2f(dot(moved, moved), dot(numbers, numbers));
  }
  partial[local] = sum;
  workgroupBarrier();
  for (var stride = WG / 2u; stride > 0u; stride /= 2u) {
    if (local < stride) { partial[local] += partial[local + stride]; }
    workgroupBarrier();
  }
  if (local == 0u) { sums[row] += partial[0]; }
}
