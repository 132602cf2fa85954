import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  choices,
  defaultConfig,
  numberRanges,
  sharingOf,
  type NumberKey,
  type PlaygroundConfig,
} from '../../../web/settings/settings.ts';
import { decodeHash, encodeHash } from '../../../web/settings/hash.ts';
import type { SharingConfig } from '../../../worker/protocol/load.ts';

const stored: SharingConfig = {
  layerTypes: '0_6_6_6_6_6_6_7',
  slidingWindow: 4096,
  forwardPasses: 7,
  backwardPasses: 2,
  forceNodiag: false,
};
const home: PlaygroundConfig = { ...defaultConfig, ...stored };
const reopened = (config: PlaygroundConfig, own = stored): PlaygroundConfig => ({
  ...defaultConfig,
  ...own,
  ...decodeHash(encodeHash(config, own)).values,
});

const number = (key: NumberKey) => {
  const { min, max, whole } = numberRanges[key];
  return whole ? fc.integer({ min, max }) : fc.double({ min, max, noNaN: true }).map((value) => value + 0);
};
const numbers = fc.record(
  Object.fromEntries(Object.keys(numberRanges).map((key) => [key, number(key as NumberKey)])) as Record<
    NumberKey,
    fc.Arbitrary<number>
  >,
);
const shortText = fc.string({ unit: 'grapheme', maxLength: 60 });
const configs: fc.Arbitrary<PlaygroundConfig> = fc
  .record({
    model: fc.constantFrom('fairy-lckv', 'fairy-llama', 'owner/name@3f2a91c', 'owner/na.me@refs/pr/1'),
    endpoint: fc.constantFrom(
      ...['https://huggingface.co', 'https://mirror.example/hf', 'http://127.0.0.1:8080'],
    ),
    mode: fc.constantFrom(...choices.mode),
    backend: fc.constantFrom(...choices.backend),
    weights: fc.constantFrom(...choices.weights),
    kvPrecision: fc.constantFrom(...choices.kvPrecision),
    layerTypes: fc.oneof(fc.constantFrom('0_1_2', '0s_0', '0_9'), shortText),
    prompt: shortText,
    forceNodiag: fc.boolean(),
    quantizeEmbeddings: fc.boolean(),
  })
  .chain((rest) => numbers.map((some) => ({ ...some, ...rest })));

describe('the address', () => {
  it('brings back every state that can run, whatever the model’s own sharing is', () => {
    fc.assert(
      fc.property(configs, configs, (config, other) => {
        const own = sharingOf(other) as SharingConfig; // no field of an arbitrary state is empty
        expect(reopened(config, own)).toEqual(config);
        expect(decodeHash(`#${encodeHash(config, own)}`).complaints).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it('never throws on any text, and takes nothing that a field could not be', () => {
    const fieldLike = fc
      .array(fc.tuple(fc.constantFrom('v', 'model', 'topP', 'layers', '__proto__', 'seed', ''), fc.string()))
      .map((parts) => parts.map(([name, value]) => `${name}=${value}`).join('&'));
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fieldLike), (hash) => {
        const { values } = decodeHash(hash);
        for (const [key, { min, max }] of Object.entries(numberRanges)) {
          const value = values[key as NumberKey];
          if (value === undefined || value === null) continue;
          expect(value).toBeGreaterThanOrEqual(min);
          expect(value).toBeLessThanOrEqual(max);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('is empty where everything is at its default', () => {
    expect(encodeHash(home, stored)).toBe('');
    expect(encodeHash(defaultConfig, null)).toBe('');
  });

  it('can be read and edited by hand', () => {
    const config: PlaygroundConfig = {
      ...home,
      layerTypes: '0_1_2_3_4_5_6_7',
      mode: 'parallel',
      slidingWindow: 64,
      prompt: 'Once upon a time, a king & queen',
    };
    expect(encodeHash(config, stored)).toBe(
      'v=1&layers=0_1_2_3_4_5_6_7&window=64&mode=parallel&prompt=Once+upon+a+time,+a+king+%26+queen',
    );
    expect(decodeHash('#v=1&model=whynlp/tinyllama@3f2a91c').values.model).toBe('whynlp/tinyllama@3f2a91c');
  });

  it.each([
    ['#v=1&colour=red', '“colour” is not known'],
    ['#v=1&topP=seven', 'topP cannot be “seven”'],
    ['#v=1&topP=7', 'topP cannot be “7”'],
    ['#v=1&seed=', 'seed cannot be “”'],
    ['#v=1&mode=fast', 'mode cannot be “fast”'],
    ['#v=1&model=../secrets', 'model cannot be “../secrets”'],
    ['#v=1&model=https://x/y', 'model cannot be “https://x/y”'],
    ['#v=9&seed=3', 'version 9 is not known here: read as version 1'],
    ['#v=1&seed=3&seed=4', '“seed” comes twice: the first one counts'],
    ['#v=1&prompt=%E0%A4%A', '“prompt” is not a field with a value'],
    ['#hello', '“hello” is not a field with a value'],
    ['#__proto__=1', '“__proto__” is not known'],
  ])('%s is complained of and otherwise ignored', (hash, complaint) => {
    expect(decodeHash(hash).complaints).toEqual([complaint]);
  });

  it('keeps what is right beside what is wrong', () => {
    expect(decodeHash('#v=1&seed=3&colour=red&mode=parallel').values).toEqual({ seed: 3, mode: 'parallel' });
  });
});

it.each([
  'https://user:secret@mirror.example',
  'https://mirror.example/?token=x',
  'https://mirror.example/#x',
  'javascript:alert(1)',
  '//mirror.example',
  'https://',
  'https://mirror.example/../x y',
])('the server %s is left out of a link that names it', (endpoint) => {
  const { values, complaints } = decodeHash(`#v=1&endpoint=${encodeURIComponent(endpoint)}`);
  expect(values.endpoint).toBeUndefined();
  expect(complaints).toHaveLength(1);
});
