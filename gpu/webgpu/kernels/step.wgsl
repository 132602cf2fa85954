// Which rows of a table a dispatch works on.
struct Step {
  rows: u32,
  firstRow: u32,  // in the table, and in buffers that hold a whole turn
  window: u32,    // positions that a windowed layer sees
  unused: u32,
}
