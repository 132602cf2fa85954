/** What a number may be, both ends included. */
export interface NumberRange {
  readonly min: number;
  readonly max: number;
  readonly whole: boolean;
}

/** Why a number is outside its range; null if it is inside. */
export function outsideRange(value: number, { min, max, whole }: NumberRange): string | null {
  if (!Number.isFinite(value)) return 'not a number';
  if (whole && !Number.isInteger(value)) return 'not a whole number';
  if (value < min) return `below ${min}`;
  if (value > max) return `above ${max}`;
  return null;
}
