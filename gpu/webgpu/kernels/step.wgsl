// Which rows of a table a dispatch works on.
struct Step {
  rows: u32,
  firstRow: u32,  // in the table, and in buffers that hold a whole turn
  window: u32,    // positions that a windowed layer sees
  segments: u32,
  segmentRows: array<vec4u, 15>,  // see segments.wgsl
}
