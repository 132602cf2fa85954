type Keys = Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'shiftKey' | 'altKey'>;

/** The step of the history of edits that a key asks for, as text editors have it; null if it asks for none. */
export function historyStepOf({ key, ctrlKey, metaKey, shiftKey, altKey }: Keys): 'undo' | 'redo' | null {
  if (altKey || !(ctrlKey || metaKey)) return null;
  const lower = key.toLowerCase();
  if (lower === 'z') return shiftKey ? 'redo' : 'undo';
  return lower === 'y' ? 'redo' : null;
}
