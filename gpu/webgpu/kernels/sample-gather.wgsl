// Lists a row's likely tokens, among which top-k and top-p usually decide; without these sums what a stretch keeps.
// One stretch of one row a workgroup.
override WG: u32 = 256;

@group(0) @binding(0) var<storage, read>       logits:  array<f32>;          // [rows, vocabulary], penalized
@group(0) @binding(1) var<storage, read>       options: array<Options>;      // [sequences]
@group(0) @binding(2) var<uniform>             shape:   Shape;               // rows: the vocabulary
@group(0) @binding(3) var<storage, read>       rows:    array<Row>;
@group(0) @binding(4) var<storage, read_write> found:   array<atomic<u32>>;  // [rows], see found.wgsl
@group(0) @binding(5) var<storage, read_write> listed:  array<atomic<u32>>;  // tokens [sequences, vocabulary], in any order

// Of the likeliest token's weight. What is less likely is rarely asked for, and then all of the vocabulary is.
const LEAST_WEIGHT = 1e-5;

var<workgroup> allCount: atomic<u32>;
var<workgroup> listedCount: atomic<u32>;
var<workgroup> keptHere: atomic<u32>;

fn foundAt(i: u32) -> u32 { return atomicLoad(&found[i]); }

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let row = group.y;
  let place = rows[row];
  let asked = options[place.sequence];
  if (asked.temperature <= 0.0) { return; }
  loadFound(row, local);
  let best = bests[bestStretch()];
  let list = place.sequence * shape.rows;
  let total = totalFound(best, asked.temperature);
  let draw = Draw(row * shape.rows, asked.temperature, asked.minP, best, total, shape.rows, false, list);

  let counters = firstFound(row) + 5u * STRETCHES;
  let first = min(shape.rows, group.x * stretchLength());
  let end = min(shape.rows, first + stretchLength());
  var all = 0u;
  var inList = 0u;
  var kept = 0u;
  for (var i = first + local; i < end; i += WG) {
    let weight = weightOf(draw, i);
    let count = countOf(draw, i);
    all += count;
    if (draw.minP == 0.0 || weight >= draw.minP) { kept += count; }
    if (limits(asked) && weight >= LEAST_WEIGHT) {
      atomicStore(&listed[list + min(atomicAdd(&found[counters], 1u), shape.rows - 1u)], i);
      inList += count;
    }
  }
  atomicAdd(&allCount, all);
  atomicAdd(&listedCount, inList);
  atomicAdd(&keptHere, kept);
  workgroupBarrier();
  if (local == 0u) {
    atomicAdd(&found[counters + 1u], atomicLoad(&listedCount));
    atomicAdd(&found[counters + 2u], atomicLoad(&allCount));
    atomicStore(&found[firstFound(row) + 4u * STRETCHES + group.x], atomicLoad(&keptHere));
  }
}
