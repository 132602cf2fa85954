/**
 * Edits a plan as text. The picture and the text field are two views of one string, so an edit changes only its own
 * entries and leaves all others as they were typed, right or wrong.
 */
import { parseLayerTypes } from '../../../gpu/plan/layer-types.ts';
import { words } from './words.ts';

/** One entry of the text, valid or not. */
export interface EditedLayer {
  readonly layer: number;
  /** As typed; empty if the text is too short. */
  readonly text: string;
  /** Null if the entry does not name a layer of the model. */
  readonly readsFrom: number | null;
  readonly windowed: boolean;
  readonly problem: string | null;
}

/** Rows shown beyond the model's layers. A text pasted by mistake may have thousands of entries. */
const EXTRA_ROWS = 8;

/** Reads every entry on its own, so that a mistake in one does not hide the others. */
export function readEntries(text: string, layerCount: number): readonly EditedLayer[] {
  const typed = text.trim().split('_');
  const rows = Math.min(Math.max(typed.length, layerCount), layerCount + EXTRA_ROWS);
  const plain = Array.from({ length: layerCount }, (_, layer) => String(layer));
  return Array.from({ length: rows }, (_, layer): EditedLayer => {
    const entry = typed[layer] ?? '';
    if (layer >= layerCount) {
      return {
        layer,
        text: entry,
        readsFrom: null,
        windowed: false,
        problem: words.picture.tooMany(layerCount),
      };
    }
    // All other entries are valid, so the parser can only complain about this one.
    const parsed = parseLayerTypes(plain.with(layer, entry).join('_'), layerCount);
    return {
      layer,
      text: entry,
      readsFrom: parsed.ok ? (parsed.value[layer]?.readsFrom ?? null) : null,
      windowed: entry.endsWith('s'),
      problem: parsed.ok ? null : parsed.reason,
    };
  });
}

type Change = (entry: EditedLayer) => string;

function change(text: string, layerCount: number, layers: readonly number[], to: Change): string {
  const rows = readEntries(text, layerCount);
  const entries = text.trim().split('_');
  for (const layer of layers) {
    const row = rows[layer];
    if (!row || layer >= layerCount) continue;
    while (entries.length <= layer) entries.push('');
    entries[layer] = to(row);
  }
  return entries.join('_');
}

const entryText = (readsFrom: number, windowed: boolean) => `${readsFrom}${windowed ? 's' : ''}`;
const clamp = (value: number, layerCount: number) => Math.min(Math.max(value, 0), layerCount - 1);

/** Makes some layers read the KV of one layer. Their windows stay. */
export const repoint = (text: string, layerCount: number, layers: readonly number[], target: number) =>
  change(text, layerCount, layers, ({ windowed }) => entryText(clamp(target, layerCount), windowed));

/** Makes each of some layers keep its own KV. */
export const ownKv = (text: string, layerCount: number, layers: readonly number[]) =>
  change(text, layerCount, layers, ({ layer, windowed }) => entryText(layer, windowed));

/** Moves the target of some layers up or down, within the model. */
export const shiftTargets = (text: string, layerCount: number, layers: readonly number[], by: number) =>
  change(text, layerCount, layers, ({ layer, readsFrom, windowed }) =>
    entryText(clamp((readsFrom ?? layer) + by, layerCount), windowed),
  );

/** Gives some layers the sliding window, or removes it if all of them have it. */
export function toggleWindow(text: string, layerCount: number, layers: readonly number[]): string {
  const rows = readEntries(text, layerCount);
  const all = layers.every((layer) => rows[layer]?.windowed);
  return change(text, layerCount, layers, ({ text: entry, layer }) => {
    const number = entry.replace(/s$/, '') || String(layer);
    return all ? number : `${number}s`;
  });
}
