// hidden[row] = table[tokens[position of the row]]        eight numbers an invocation; `dim` is the token of the table's first row, `yStride` the places of a sequence
override WG: u32 = 64;

@group(0) @binding(0) var<storage, read>       tokens: array<u32>;    // [sequences, places], by position
@group(0) @binding(1) var<storage, read>       w:      array<vec4u>;  // [rows, cols]
@group(0) @binding(2) var<storage, read_write> hidden: array<vec4f>;  // [rows of the turn, cols]
@group(0) @binding(3) var<storage, read>       rows:   array<Row>;
@group(0) @binding(4) var<uniform>             shape:  Shape;
@group(0) @binding(5) var<uniform>             step:   Step;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x;
  if (i >= shape.cols / 8u) { return; }
  let row = step.firstRow + id.y;
  let place = rows[row];
  let entry = tokens[place.sequence * shape.yStride + place.position] - shape.dim; // of a token before the first entry, more than all entries
  if (entry >= shape.rows) { return; }
  let eight = eightAt(entry, i);
  let to = (row * (shape.cols / 8u) + i) * 2u;
  hidden[to] = eight.a;
  hidden[to + 1u] = eight.b;
}
