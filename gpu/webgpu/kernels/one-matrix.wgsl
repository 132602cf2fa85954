// The weights of a kernel that has one matrix.
fn weightAt(i: u32) -> vec4u { return w[i]; }

fn weightWordAt(i: u32, word: u32) -> u32 { return w[i][word]; }
