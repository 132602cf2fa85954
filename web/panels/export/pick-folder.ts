/** TypeScript's library lacks it, because only some browsers have it. */
type ShowDirectoryPicker = (options: {
  readonly id: string;
  readonly mode: 'readwrite';
}) => Promise<FileSystemDirectoryHandle>;

const pickerOf = (window: Window) =>
  (window as { readonly showDirectoryPicker?: ShowDirectoryPicker }).showDirectoryPicker;

/** Whether this browser lets a page write into folders that a person chooses. */
export const canPickFolder = (): boolean => pickerOf(window) !== undefined;

/** Lets the person choose a folder; null if they cancel. */
export async function pickFolder(): Promise<FileSystemDirectoryHandle | null> {
  try {
    return (await pickerOf(window)?.call(window, { id: 'kvtab-export', mode: 'readwrite' })) ?? null;
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') return null;
    throw error;
  }
}
