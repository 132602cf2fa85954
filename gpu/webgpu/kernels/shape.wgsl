// The sizes of what a dispatch works on. A uniform instead of constants: compiling a kernel takes a software adapter up
// to a second, so one pipeline should serve every matrix of a model.
struct Shape {
  rows: u32,     // of the matrix
  cols: u32,     // numbers in a row of it, a multiple of 8
  dim: u32,      // of them, without padding
  yStride: u32,  // numbers in a row of y
}
