// In which row of a cache a position lies.
override SLOTS: u32 = 0u;  // 0: its own row; 1: a ring of step.ringRows; 2: a prefill's scratch, from step.scratchBase

fn slotOf(position: u32) -> u32 {
  switch SLOTS {
    case 1u: { return position % step.ringRows; }
    case 2u: { return position - step.scratchBase; }
    default: { return position; }
  }
}
