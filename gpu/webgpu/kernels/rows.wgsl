// One query of a dispatch: which place of which text it is. The mirror of kv/rows.ts; the host fills the table.
struct Row {
  sequence: u32,   // which text of the batch
  position: u32,   // in its text: what the mask and the sampler see
  rope: u32,       // which angle rotates its query and its key
  slot: u32,       // where its own key and value go
  firstSlot: u32,  // of its sequence in the store
  endSlot: u32,    // one past the last slot that it may see
}

// The slot of the key at an earlier position, or at the row's own. Slots follow each other as positions do, and a ring
// continues at its first slot.
fn slotOfKey(row: Row, key: u32) -> u32 {
  let back = row.position - key;
  let before = row.slot - row.firstSlot;
  return select(row.slot - back, row.endSlot - (back - before), back > before);
}
