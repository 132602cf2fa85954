/** The number in a field; null if the field is empty or does not hold a number. */
export type FieldNumber = number | null;
