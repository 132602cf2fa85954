// Where in the text a dispatch works. Positions are absolute; rows count within the dispatch.
struct Step {
  position: u32,     // of the first row
  rows: u32,
  firstRow: u32,     // the first row's place in buffers that hold the whole turn
  window: u32,       // positions that a windowed layer sees
  ringRows: u32,     // rows of a ring cache
  scratchBase: u32,  // position of row 0 of a prefill's scratch cache
  unused0: u32,
  unused1: u32,
}
