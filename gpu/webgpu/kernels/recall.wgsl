// Mixes what LESS recalls of the rows that are gone into the attention of the step's rows        one query head of one row a workgroup
override KV_HEADS: u32;
override GROUP: u32;         // query heads that share a KV head
override SPLITS: u32 = 1u;   // into which the attention was split; the state joins the first
override VERSIONS: u32 = 1u; // of each text's state; 1 while a prompt is read

@group(0) @binding(1) var<storage, read>       q:     array<f32>;    // [rows, heads, HEAD_DIM]
@group(0) @binding(2) var<storage, read>       state: array<f32>;    // [texts, VERSIONS, KV_HEADS, (RANK, (RANK, HEAD_DIM))]
@group(0) @binding(3) var<storage, read_write> y:     array<vec4f>;  // as attend.wgsl leaves it, with maxima and sums
@group(0) @binding(4) var<storage, read>       rows:  array<Row>;    // of the store that is read
@group(0) @binding(5) var<uniform>             step:  Step;

// A state that weighs less is none: float32 could not divide by it.
const LEAST_WEIGHT = 1e-37;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let heads = KV_HEADS * GROUP;
  let head = group.x;
  let row = group.y;
  let place = rows[step.firstRow + row];
  for (var i = local; i < HEAD_DIM; i += WG) { x[i] = q[(row * heads + head) * HEAD_DIM + i]; }
  findFeatures(head, local);

  let version = select(place.firstSlot / (place.endSlot - place.firstSlot), 0u, VERSIONS == 1u);
  let sums = ((place.sequence * VERSIONS + version) * KV_HEADS + head / GROUP) * RANK * (HEAD_DIM + 1u);
  var weight = 0.0;
  for (var r = 0u; r < RANK; r++) { weight += features[r] * state[sums + r]; }

  let width = heads * HEAD_DIM / 4u;
  let rowVecs = SPLITS * select(width, width + heads, SPLITS > 1u);
  let statsAt = select(step.rows * width + row * heads, row * rowVecs + SPLITS * width, SPLITS > 1u) + head;
  let stats = y[statsAt].xy;
  workgroupBarrier();
  if (weight < LEAST_WEIGHT) { return; }

  let ofState = log(weight);
  // Not `stats.y > 0.0`: a sum that is no number must not become a zero.
  let most = select(max(stats.x, ofState), ofState, stats.y == 0.0);
  let rowsWeight = select(stats.y * exp(stats.x - most), 0.0, stats.y == 0.0);
  let stateWeight = exp(ofState - most);
  let whole = rowsWeight + stateWeight;
  for (var i = local; i < HEAD_DIM / 4u; i += WG) {
    var recalled = vec4f();
    for (var r = 0u; r < RANK; r++) {
      let at = sums + RANK + r * HEAD_DIM + 4u * i;
      recalled += features[r] * vec4f(state[at], state[at + 1u], state[at + 2u], state[at + 3u]);
    }
    let at = row * rowVecs + head * (HEAD_DIM / 4u) + i;
    y[at] = (rowsWeight * y[at] + stateWeight * (recalled / weight)) / whole;
  }
  if (local == 0u) { y[statsAt] = vec4f(most, whole, 0.0, 0.0); }
}
