// The rows of a step that belong to one text and follow each other in it: the first one in the step, and how many.
fn segmentAt(i: u32) -> vec2u {
  let word = step.segmentRows[i / 4u][i % 4u];
  return vec2u(word & 0xffffu, word >> 16u);
}
