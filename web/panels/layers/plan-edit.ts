/**
 * Edits of a plan as text: the picture and the text field are two views of one string, so an edit changes the
 * entries that it is about and leaves every other one as it was typed, right or wrong.
 */
import { parseLayerTypes } from '../../../gpu/plan/layer-types.ts';

/** One entry of the text, whether or not it makes sense. */
export interface EditedLayer {
  readonly layer: number;
  /** As typed; empty where the text ends before. */
  readonly text: string;
  /** Null where the entry names no layer of the model. */
  readonly readsFrom: number | null;
  readonly windowed: boolean;
  readonly problem: string | null;
}

/** A text pasted by mistake may have thousands of entries; nobody can repair those in a picture. */
const EXTRA_ROWS = 8;

/** Every entry of the text by itself: a mistake in one hides nothing about the others. */
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
        problem: `the model has ${layerCount} layers`,
      };
    }
    // Among entries that are right, the parser can only complain about this one.
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

/** Lets layers read the KV of one layer; their windows stay. */
export const repoint = (text: string, layerCount: number, layers: readonly number[], target: number) =>
  change(text, layerCount, layers, ({ windowed }) => entryText(clamp(target, layerCount), windowed));

/** Lets each of some layers keep KV of its own. */
export const ownKv = (text: string, layerCount: number, layers: readonly number[]) =>
  change(text, layerCount, layers, ({ layer, windowed }) => entryText(layer, windowed));

/** Lets each of some layers read a layer higher or lower than now, as far as there is one. */
export const shiftTargets = (text: string, layerCount: number, layers: readonly number[], by: number) =>
  change(text, layerCount, layers, ({ layer, readsFrom, windowed }) =>
    entryText(clamp((readsFrom ?? layer) + by, layerCount), windowed),
  );

/** Puts some layers behind the sliding window, or takes them all out where all of them are. */
export function toggleWindow(text: string, layerCount: number, layers: readonly number[]): string {
  const rows = readEntries(text, layerCount);
  const all = layers.every((layer) => rows[layer]?.windowed);
  return change(text, layerCount, layers, ({ text: entry, layer }) => {
    const number = entry.replace(/s$/, '') || String(layer);
    return all ? number : `${number}s`;
  });
}
