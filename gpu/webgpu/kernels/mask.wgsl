// Which keys a query sees: positions [visibleFrom, visibleTo). The mirror of kv/mask.ts.
override DIAGONAL: bool = true;
override WINDOWED: bool = false;

fn visibleFrom(position: u32) -> u32 {
  return select(0u, max(position + 1u, step.window) - step.window, WINDOWED);
}

fn visibleTo(position: u32) -> u32 {
  return select(position, position + 1u, DIAGONAL);
}
