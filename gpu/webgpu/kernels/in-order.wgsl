// Stores whose slots follow each other as positions do: every key from the first to the last one visible is seen.
const RANKED = false;
const IN_SEQUENCE = true;  // keys are positions

fn firstKey(place: Row) -> u32 { return visibleFrom(place.position); }

fn endKey(place: Row) -> u32 { return max(firstKey(place), visibleTo(place.position)); }

fn slotOf(place: Row, key: u32) -> u32 { return slotOfKey(place, key); }

fn positionOf(place: Row, key: u32, kvHead: u32) -> u32 { return key; }

fn shows(place: Row, key: u32, kvHead: u32) -> bool { return true; }

fn turnedQuarters(place: Row, key: u32, kvHead: u32, quarter: u32) -> Eight { return Eight(); }
