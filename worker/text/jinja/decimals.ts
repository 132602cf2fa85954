/** Decimal digits of floats as Python rounds them: from the exact value, and halves to the even neighbor. */

/** `number` times ten to the power of `places`, rounded. `number` is finite. */
export function scaled(number: number, places: number): bigint {
  const [mantissa, exponent] = partsOf(Math.abs(number));
  let [top, bottom] = [mantissa, 1n];
  if (exponent > 0) top <<= BigInt(exponent);
  else bottom <<= BigInt(-exponent);
  if (places > 0) top *= 10n ** BigInt(places);
  else bottom *= 10n ** BigInt(-places);
  const [whole, rest] = [top / bottom, 2n * (top % bottom)];
  const up = rest > bottom || (rest === bottom && whole % 2n === 1n);
  const rounded = up ? whole + 1n : whole;
  return number < 0 ? -rounded : rounded;
}

/** A finite number, not negative, as mantissa times two to the power of exponent. */
function partsOf(number: number): readonly [mantissa: bigint, exponent: number] {
  const bits = new BigUint64Array(new Float64Array([number]).buffer)[0] ?? 0n;
  const exponent = Number(bits >> 52n);
  const fraction = bits & 0xfffffffffffffn;
  return exponent === 0 ? [fraction, -1074] : [fraction | 0x10000000000000n, exponent - 1075];
}

const isNegative = (number: number) => number < 0 || Object.is(number, -0);

/** `%.{places}f` */
export function fixed(number: number, places: number): string {
  const digits = scaled(Math.abs(number), places)
    .toString()
    .padStart(places + 1, '0');
  const cut = digits.length - places;
  const text = places === 0 ? digits : `${digits.slice(0, cut)}.${digits.slice(cut)}`;
  return isNegative(number) ? `-${text}` : text;
}

/** `%.{places}e` */
export function exponential(number: number, places: number): string {
  const size = Math.abs(number);
  let exponent = size === 0 ? 0 : Number(size.toExponential().split('e')[1]);
  let digits = scaled(size, places - exponent).toString();
  if (digits.length > places + 1) digits = scaled(size, places - ++exponent).toString();
  digits = digits.padStart(places + 1, '0');
  const mantissa = places === 0 ? digits : `${digits.slice(0, 1)}.${digits.slice(1)}`;
  const written = String(Math.abs(exponent)).padStart(2, '0');
  return `${isNegative(number) ? '-' : ''}${mantissa}e${exponent < 0 ? '-' : '+'}${written}`;
}

/** `%.{precision}g`; with `keepZeros` as `%#g`. */
export function general(number: number, precision: number, keepZeros: boolean): string {
  const digits = Math.max(1, precision);
  const long = exponential(number, digits - 1);
  const exponent = Number(long.split('e')[1]);
  if (exponent >= -4 && exponent < digits) {
    const plain = fixed(number, digits - 1 - exponent);
    return keepZeros || !plain.includes('.') ? plain : plain.replace(/\.?0+$/, '');
  }
  const [mantissa = '', power = ''] = long.split('e');
  const short = keepZeros || !mantissa.includes('.') ? mantissa : mantissa.replace(/\.?0+$/, '');
  return `${short}e${power}`;
}
