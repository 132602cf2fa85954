const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** Bytes in binary units, with three significant digits from 1 KiB on: `768 B`, `22 KiB`, `1.25 MiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? Math.round(value) : significant(value)} ${units[unit] ?? ''}`;
}

/** `8 s`, `3 min`, `1 h 20 min`. */
export function formatDuration(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Tokens per second, with two digits at least, because runs differ in the second one: `183`, `18`, `1.8`. */
export const formatTokensPerSec = (tokensPerSec: number) =>
  tokensPerSec >= 10 ? String(Math.round(tokensPerSec)) : String(Number(tokensPerSec.toPrecision(2)));

/** Milliseconds, with two digits at least: `183`, `18`, `1.8`. */
export const formatMs = (ms: number) => formatTokensPerSec(ms);

/** `1.4`, `0.85`, `12`. */
export const formatFactor = (factor: number) => formatTokensPerSec(factor);

/**
 * Bits per byte, and other plain numbers with a fixed number of digits: 1.4445 is `1.445` everywhere, although its
 * nearest binary number is a little less.
 */
export const formatBits = (bits: number, digits: number): string =>
  (Math.round(Number((bits * 10 ** digits).toPrecision(12))) / 10 ** digits).toFixed(digits);

/** 0.375 → `37.5 %`. */
export const formatPercent = (fraction: number) => `${Math.round(fraction * 1000) / 10} %`;

/** `1 token`, `2 tokens`. */
export const formatCount = (count: number, noun: string) =>
  `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;

/** Three significant digits without exponent or trailing zeros; whole numbers from 100 on. */
function significant(value: number): string {
  if (value >= 100) return String(Math.round(value));
  return String(Number(value.toPrecision(3)));
}
