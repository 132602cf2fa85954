/** A number as a field holds it: null while the field is empty or holds no number. */
export type FieldNumber = number | null;

export interface NumberRange {
  readonly min: number;
  readonly max: number;
  readonly whole: boolean;
}
