import { historyStepOf } from '../../ui/history-keys.ts';

/** What a key does in the picture of the plan. */
export type PictureCommand =
  | { readonly do: 'move'; readonly by: number; readonly extend: boolean }
  | { readonly do: 'go'; readonly to: 'first' | 'last'; readonly extend: boolean }
  | { readonly do: 'shift-target'; readonly by: number }
  | { readonly do: 'digit'; readonly digit: string }
  | { readonly do: 'select' | 'select-all' | 'window' | 'own' | 'undo' | 'redo' };

type Keys = Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'shiftKey' | 'altKey'>;

/** The command for a key, or null if the picture does not handle it. The up arrow goes to later layers, which are drawn above. */
export function commandOf(keys: Keys): PictureCommand | null {
  const { key, ctrlKey, metaKey, shiftKey, altKey } = keys;
  if (altKey) return null;
  const lower = key.toLowerCase();
  if (ctrlKey || metaKey) {
    const step = historyStepOf(keys);
    if (step) return { do: step };
    return lower === 'a' ? { do: 'select-all' } : null;
  }
  if (/^\d$/.test(key)) return { do: 'digit', digit: key };
  switch (lower) {
    case 'arrowup':
      return { do: 'move', by: 1, extend: shiftKey };
    case 'arrowdown':
      return { do: 'move', by: -1, extend: shiftKey };
    case 'home':
      return { do: 'go', to: 'last', extend: shiftKey };
    case 'end':
      return { do: 'go', to: 'first', extend: shiftKey };
    case 'arrowright':
      return { do: 'shift-target', by: 1 };
    case 'arrowleft':
      return { do: 'shift-target', by: -1 };
    case ' ':
      return { do: 'select' };
    case 's':
      return { do: 'window' };
    case 'o':
      return { do: 'own' };
    default:
      return null;
  }
}
