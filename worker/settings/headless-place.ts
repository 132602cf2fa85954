import type { Setting } from './setting.ts';

/** What a row of the table is called in a headless request: alone, or within an object of the request. */
export interface HeadlessPlace {
  readonly object: string | null;
  readonly name: string;
}

/** @returns null if a request has no such field */
export function headlessPlaceOf({ headless }: Setting): HeadlessPlace | null {
  if (!headless) return null;
  const cut = headless.field.lastIndexOf('.');
  return cut < 0
    ? { object: null, name: headless.field }
    : { object: headless.field.slice(0, cut), name: headless.field.slice(cut + 1) };
}
