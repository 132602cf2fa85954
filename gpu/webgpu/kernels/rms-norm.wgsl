// y[row] = x[row] / rms(x[row]) · gain        one row a workgroup
override WG: u32 = 64;
override EPS: f32 = 1e-5;

@group(0) @binding(0) var<storage, read>       x:    array<vec4f>;  // [rows of the turn, cols]
@group(0) @binding(1) var<storage, read>       gain: array<vec4f>;  // [cols]
@group(0) @binding(2) var<storage, read_write> y:    array<vec4f>;  // [rows, cols]
@group(0) @binding(3) var<uniform>             shape: Shape;
@group(0) @binding(4) var<uniform>             step: Step;

var<workgroup> partial: array<f32, WG>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let start = (step.firstRow + group.x) * (shape.cols / 4u);
  var squares = 0.0;
  for (var i = local; i < shape.cols / 4u; i += WG) { squares += dot(x[start + i], x[start + i]); }
  partial[local] = squares;
  workgroupBarrier();
  for (var stride = WG / 2u; stride > 0u; stride /= 2u) {
    if (local < stride) { partial[local] += partial[local + stride]; }
    workgroupBarrier();
  }
  let factor = inverseSqrt(partial[0] / f32(shape.dim) + EPS);
  for (var i = local; i < shape.cols / 4u; i += WG) {
    y[group.x * (shape.cols / 4u) + i] = x[start + i] * factor * gain[i];
  }
}
