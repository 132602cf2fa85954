/** Numbers on an axis, without trailing zeros. */
export const tickText = (value: number): string => String(Number(value.toPrecision(4)));
