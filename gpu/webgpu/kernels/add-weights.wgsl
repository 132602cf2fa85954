// y (+)= w, and divided by `dim` at the last        eight numbers an invocation; the mean of so many matrices, one dispatch each
override WG: u32 = 64;
override FIRST: bool = false;  // y holds nothing yet
override LAST: bool = false;
override HALVES: bool = false; // the mean is rounded to half precision

@group(0) @binding(0) var<storage, read>       w: array<vec4u>;  // [rows, cols]
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;  // [rows, cols]
@group(0) @binding(2) var<uniform>             shape: Shape;

fn rounded(values: vec4f) -> vec4f {
  if (!HALVES) { return values; }
  return vec4f(
    unpack2x16float(packHalves(values.x, values.y)),
    unpack2x16float(packHalves(values.z, values.w)));
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * WG + id.x;
  if (i >= shape.rows * shape.cols / 8u) { return; }
  let eight = eightAt(i / (shape.cols / 8u), i % (shape.cols / 8u));
  var a = eight.a;
  var b = eight.b;
  if (!FIRST) {
    a += y[2u * i];
    b += y[2u * i + 1u];
  }
  if (LAST) {
    a = rounded(a / f32(shape.dim));
    b = rounded(b / f32(shape.dim));
  }
  y[2u * i] = a;
  y[2u * i + 1u] = b;
}
