// The maximum and the sum of Keyformer's softmax, for each query head of each row        one of them a workgroup
override WG: u32 = 32;

@group(0) @binding(9) var<storage, read_write> stats: array<vec4f>;  // (max, sum, 0, 0) [rows, heads]

var<workgroup> reduce: array<f32, WG>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let heads = KV_HEADS * GROUP;
  let head = group.x;
  let row = group.y;
  let place = rows[step.firstRow + row];
  let kvHead = head / GROUP;

  var most = -1e30;
  for (var slot = local; slot < endKey(place); slot += WG) {
    if (shows(place, slot, kvHead)) { most = max(most, scoreOf(place, row, head, slot)); }
  }
  reduce[local] = most;
  workgroupBarrier();
  for (var stride = WG / 2u; stride > 0u; stride /= 2u) {
    if (local < stride) { reduce[local] = max(reduce[local], reduce[local + stride]); }
    workgroupBarrier();
  }
  let highest = reduce[0];
  workgroupBarrier();

  var sum = 0.0;
  for (var slot = local; slot < endKey(place); slot += WG) {
    if (shows(place, slot, kvHead)) { sum += exp(scoreOf(place, row, head, slot) - highest); }
  }
  reduce[local] = sum;
  workgroupBarrier();
  for (var stride = WG / 2u; stride > 0u; stride /= 2u) {
    if (local < stride) { reduce[local] += reduce[local + stride]; }
    workgroupBarrier();
  }
  if (local == 0u) { stats[row * heads + head] = vec4f(highest, reduce[0], 0.0, 0.0); }
}
