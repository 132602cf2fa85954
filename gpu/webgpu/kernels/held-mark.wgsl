// What a KV head knows of a slot of a store under a policy. Its mirror is packHeld in webgpu/held-table.ts.
struct Held {
  position: u32,  // FREE, or NEXT where the row goes that is being decoded
  score: f32,
  newer: u32,     // rows of the KV head with a higher position, NEXT's included
  freedAt: u32,   // of a free slot: the length of the text when it was freed
}

const FREE = 0xffffffffu;
const NEXT = 0xfffffffeu;
