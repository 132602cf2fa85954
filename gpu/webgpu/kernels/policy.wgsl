// A policy at work, in each of several texts; see webgpu/pack-policy.ts.
struct Policy {
  sinks: u32,
  recent: u32,
  heavy: u32,
  promptTokens: u32,  // the length of the text when its latest prompt ended
  seed: u32,
  tauInit: f32,
  tauDelta: f32,
  unused: u32,
}

// The most texts under a policy that are decoded together: MOST_TEXTS in webgpu/pack-policy.ts.
const MOST_TEXTS = 32u;
