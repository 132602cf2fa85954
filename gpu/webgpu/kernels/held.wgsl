// Stores under a policy. Which keys a query sees is asked of their positions, in whatever order they lie.
const IN_SEQUENCE = false;
override RANKED: bool = false;    // ranks rotate keys, instead of positions
override VERSIONS: u32 = 1u;       // tables of a text
override STRIDE: u32 = 0u;         // slots between the stores of two texts that have a buffer in common
override IN_ORDER: bool = false;  // rows lie in the order of their positions, as in a prompt, which has one table: a slot is a rank

@group(0) @binding(5) var<storage, read> held: array<Held>;   // [texts, versions, slots, KV_HEADS]
@group(0) @binding(6) var<storage, read> rope: array<vec2f>;  // [angles, HEAD_DIM / 2], (cos, sin)

// The first slot of a text's store. Those of prompts that are read together lie behind one another.
fn baseOf(place: Row) -> u32 { return select(place.sequence * STRIDE, place.firstSlot, IN_ORDER); }

fn heldAt(place: Row, slot: u32, kvHead: u32) -> Held {
  let first = select(VERSIONS * baseOf(place), 0u, IN_ORDER) + place.firstSlot;
  return held[(first + slot) * KV_HEADS + kvHead];
}

fn firstKey(place: Row) -> u32 { return 0u; }

fn endKey(place: Row) -> u32 { return place.endSlot - place.firstSlot; }

// Elsewhere here, a slot is counted from the first of its text.
fn slotOf(place: Row, key: u32) -> u32 { return baseOf(place) + key; }

// Beyond every position if the slot is free.
fn positionOf(place: Row, slot: u32, kvHead: u32) -> u32 {
  let marked = heldAt(place, slot, kvHead).position;
  return select(marked, place.position, marked == NEXT);
}

fn shows(place: Row, slot: u32, kvHead: u32) -> bool {
  let position = positionOf(place, slot, kvHead);
  return position >= visibleFrom(place.position) && position < visibleTo(place.position);
}

// Four numbers of a key and their partners HEAD_DIM / 2 further on, rotated by the row's rank. The newest row has the
// query's rank, and the others follow downwards: only differences matter, and KV heads may hold unequally many rows.
fn turnedQuarters(place: Row, slot: u32, kvHead: u32, quarter: u32) -> Eight {
  let low = keyQuarter(slotOf(place, slot), kvHead, quarter);
  let high = keyQuarter(slotOf(place, slot), kvHead, quarter + HEAD_DIM / 8u);
  if (!RANKED) { return Eight(low, high); }
  let rank = select(place.rope - heldAt(place, slot, kvHead).newer, slot, IN_ORDER);
  let turn = rank * (HEAD_DIM / 2u) + 4u * quarter;
  let a = vec4f(rope[turn].x, rope[turn + 1u].x, rope[turn + 2u].x, rope[turn + 3u].x);
  let b = vec4f(rope[turn].y, rope[turn + 1u].y, rope[turn + 2u].y, rope[turn + 3u].y);
  return Eight(low * a - high * b, high * a + low * b);
}

fn keyQuarter(slot: u32, kvHead: u32, quarter: u32) -> vec4f {
  let eight = kvAt(slot, 0u, kvHead, quarter / 2u);
  return select(eight.b, eight.a, quarter % 2u == 0u);
}
