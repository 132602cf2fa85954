import { formatPercent, formatTokensPerSec } from '../../ui/format.ts';
import type { AgainstLast, DecodeAgainst } from './against-last.ts';

/** A change of less than this reads as none: `−0 %` says nothing. */
const LEAST = 0.0005;

const change = (by: number) => `${by < 0 ? '−' : '+'}${formatPercent(Math.abs(by))}`;

const kvWords = (kv: number) => (Math.abs(kv) < LEAST ? 'as much KV' : `KV ${change(kv)}`);

function decodeWords(decode: DecodeAgainst, kv: number | null): string {
  switch (decode.as) {
    case 'alike':
      return kv !== null && Math.abs(kv) >= LEAST
        ? 'decoding about as fast (at this size KV is not the bottleneck)'
        : 'decoding about as fast';
    case 'faster':
      return `decode ${change(decode.by)}`;
    case 'single':
      return `decode ${formatTokensPerSec(decode.now)} after ${formatTokensPerSec(decode.before)} tokens/s (generate each again to see the noise)`;
  }
}

const textWords = (text: number | 'same') =>
  text === 'same' ? 'the same text' : `text differs from word ${text.toLocaleString('en')}`;

/** The words of a run beside the one before. */
export const words = {
  sentence: ({ kv, decode, text }: AgainstLast): string => {
    const parts = [
      ...(kv === null ? [] : [kvWords(kv)]),
      ...(decode === null ? [] : [decodeWords(decode, kv)]),
      ...(text === null ? [] : [textWords(text)]),
    ];
    return parts.length > 0 ? `The last run, against the one before it: ${parts.join(', ')}.` : '';
  },
} as const;
