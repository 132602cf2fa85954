// After a token was fed: adds up scores, lets rows go if the store is full, and chooses the slot of the next row. A sink
// that the window has passed and a row that is recent no more may go together.
// One KV head of one text a workgroup. The mirror of victimOf in kv/policies/cut.ts.
override WG: u32 = 32;
override KV_HEADS: u32;
override STRIDE: u32 = 0u;       // as in held.wgsl
override VERSIONS: u32;          // tables in turn, so that a step that is thrown away leaves the one before it
override WINDOWED: bool = false; // every reader of the store has a window
override SCORES: u32 = 0u;       // 0: none, 1: they add up, 2: the newest query's, 3: the key's own
override JOINT: bool = false;    // the KV heads of the store are decided together

const NO_SLOT = 0xffffffffu;

@group(0) @binding(0) var<storage, read_write> held:   array<Held>;  // [texts, VERSIONS, slots, KV_HEADS]
@group(0) @binding(1) var<storage, read>       added:  array<f32>;   // [texts, slots, KV_HEADS]
@group(0) @binding(2) var<storage, read_write> next:   array<u32>;   // [texts, VERSIONS, KV_HEADS], the slot of the next row
@group(0) @binding(3) var<storage, read>       rows:   array<Row>;
@group(0) @binding(4) var<uniform>             step:   Step;
@group(0) @binding(5) var<uniform>             policies: array<Policy, MOST_TEXTS>;

var<workgroup> counts: array<u32, WG>;
var<workgroup> passed: array<u32, WG>;        // a slot that the window has passed
var<workgroup> worst: array<u32, WG>;         // the slot that goes first
var<workgroup> worstScore: array<f32, WG>;
var<workgroup> worstPosition: array<u32, WG>;
var<workgroup> oldest: array<u32, WG>;        // the slot that has been free for longest
var<workgroup> oldestFreed: array<u32, WG>;

fn scoreAt(base: u32, first: u32, slot: u32, kvHead: u32) -> f32 {
  let before = held[(first + slot) * KV_HEADS + kvHead];
  let fresh = before.position == NEXT;
  let now = added[(base + slot) * KV_HEADS + kvHead];
  switch SCORES {
    case 1u: { return select(before.score, 0.0, fresh) + now; }
    case 2u: { return now; }
    case 3u: { return select(before.score, now, fresh); }
    default: { return 0.0; }
  }
}

fn decidingScore(base: u32, first: u32, slot: u32, kvHead: u32) -> f32 {
  if (!JOINT) { return scoreAt(base, first, slot, kvHead); }
  var sum = 0.0;
  for (var head = 0u; head < KV_HEADS; head++) { sum += scoreAt(base, first, slot, head); }
  return sum;
}

fn rowsAfterCut(policy: Policy, textTokens: u32) -> u32 {
  let window = select(textTokens, min(textTokens, step.window), WINDOWED);
  let firstSeen = textTokens - window;
  let recent = min(policy.recent, window);
  let sinks = max(min(policy.sinks, textTokens - recent), firstSeen) - firstSeen;
  return recent + sinks + min(policy.heavy, window - recent - sinks);
}

// Rows newer than one that goes; more than there are if none does.
fn newerThan(first: u32, slot: u32, kvHead: u32) -> u32 {
  if (slot == NO_SLOT) { return NO_SLOT; }
  return held[(first + slot) * KV_HEADS + kvHead].newer;
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let kvHead = group.x;
  let place = rows[step.firstRow + group.y];
  let policy = policies[place.sequence];
  let base = place.sequence * STRIDE;
  let first = VERSIONS * base + place.firstSlot;
  let slots = place.endSlot - place.firstSlot;
  let textTokens = place.position + 1u;
  let firstRecent = textTokens - min(textTokens, policy.recent);

  var count = 0u;
  var gone = NO_SLOT;
  var least = NO_SLOT;
  var leastScore = 0.0;
  var leastPosition = 0u;
  var free = NO_SLOT;
  var freedAt = 0u;
  for (var slot = local; slot < slots; slot += WG) {
    let mark = held[(first + slot) * KV_HEADS + kvHead];
    if (mark.position == FREE) {
      if (free == NO_SLOT || mark.freedAt < freedAt) {
        free = slot;
        freedAt = mark.freedAt;
      }
      continue;
    }
    count++;
    let position = select(mark.position, place.position, mark.position == NEXT);
    if (WINDOWED && place.position - position >= step.window) {
      gone = slot;
      continue;
    }
    if (position < policy.sinks || position >= firstRecent) { continue; }
    let score = decidingScore(base, first, slot, kvHead);
    if (least == NO_SLOT || score < leastScore || (score == leastScore && position > leastPosition)) {
      least = slot;
      leastScore = score;
      leastPosition = position;
    }
  }
  counts[local] = count;
  passed[local] = gone;
  worst[local] = least;
  worstScore[local] = leastScore;
  worstPosition[local] = leastPosition;
  oldest[local] = free;
  oldestFreed[local] = freedAt;
  workgroupBarrier();
  for (var stride = WG / 2u; stride > 0u; stride /= 2u) {
    if (local < stride) {
      let other = local + stride;
      counts[local] += counts[other];
      passed[local] = min(passed[local], passed[other]);
      let score = worstScore[other];
      let goesFirst = score < worstScore[local] ||
        (score == worstScore[local] && worstPosition[other] > worstPosition[local]);
      if (worst[other] != NO_SLOT && (worst[local] == NO_SLOT || goesFirst)) {
        worst[local] = worst[other];
        worstScore[local] = score;
        worstPosition[local] = worstPosition[other];
      }
      let freedBefore = oldestFreed[other] < oldestFreed[local] ||
        (oldestFreed[other] == oldestFreed[local] && oldest[other] < oldest[local]);
      if (oldest[other] != NO_SLOT && (oldest[local] == NO_SLOT || freedBefore)) {
        oldest[local] = oldest[other];
        oldestFreed[local] = oldestFreed[other];
      }
    }
    workgroupBarrier();
  }
  let old = passed[0];
  let unseen = select(1u, 0u, old == NO_SLOT);
  let full = counts[0] - unseen > rowsAfterCut(policy, textTokens);
  let victim = select(NO_SLOT, worst[0], full);
  let newerThanOld = newerThan(first, old, kvHead);
  let newerThanVictim = newerThan(first, victim, kvHead);

  // The table of the text that is one token longer.
  let version = place.firstSlot / slots;
  let nextVersion = select(version + 1u, 0u, version + 1u == VERSIONS);
  let after = VERSIONS * base + nextVersion * slots;
  for (var slot = local; slot < slots; slot += WG) {
    var mark = held[(first + slot) * KV_HEADS + kvHead];
    if (mark.position != FREE) {
      let fresh = mark.position == NEXT;
      mark.score = scoreAt(base, first, slot, kvHead);
      mark.position = select(mark.position, place.position, fresh);
      // Behind it comes the next row; a newer one may go.
      mark.newer += 1u - select(0u, 1u, mark.newer > newerThanOld) - select(0u, 1u, mark.newer > newerThanVictim);
      mark.freedAt = 0u;
    }
    if (slot == victim || slot == old) { mark = Held(FREE, 0.0, 0u, textTokens); }
    if (slot == oldest[0]) { mark = Held(NEXT, 0.0, 0u, 0u); }
    held[(after + slot) * KV_HEADS + kvHead] = mark;
  }
  if (local == 0u) { next[(place.sequence * VERSIONS + nextVersion) * KV_HEADS + kvHead] = oldest[0]; }
}
