import { describe, expect, it } from 'vitest';
import type { Setting } from '../../../worker/settings/setting.ts';
import { settings } from '../../../worker/settings/settings.ts';
import {
  defaultConfig,
  linkDefaults,
  sharingOf,
  type PlaygroundConfig,
} from '../../../web/settings/settings.ts';
import { decodeHash, encodeHash, setsNothing, tooLongForLink, withTab } from '../../../web/settings/hash.ts';
import { healingAsLink } from '../../../web/settings/linked-healing.ts';
import type { SharingConfig } from '../../../worker/protocol/load.ts';
import { fc } from '../../support/seeded-properties.ts';

const stored: SharingConfig = {
  layerTypes: '0_6_6_6_6_6_6_7',
  slidingWindow: 4096,
  forwardPasses: 7,
  backwardPasses: 2,
  forceNodiag: false,
};
const home: PlaygroundConfig = { ...defaultConfig, ...stored };
function reopened(config: PlaygroundConfig, own = stored): PlaygroundConfig {
  const link = decodeHash(encodeHash(config, own));
  return { ...(setsNothing(link) ? defaultConfig : linkDefaults), ...own, ...link.values };
}

const shortText = fc.string({ unit: 'grapheme', maxLength: 60 });
const texts: Readonly<Record<string, fc.Arbitrary<string>>> = {
  model: fc.constantFrom('fairy-lckv', 'fairy-llama', 'owner/name@3f2a91c', 'owner/na.me@refs/pr/1'),
  endpoint: fc.constantFrom(
    ...['https://huggingface.co', 'https://mirror.example/hf', 'http://127.0.0.1:8080'],
  ),
  policyKernels: fc.constantFrom('kernels.safetensors', 'less-h2o-12.safetensors', 'a_b.c.safetensors'),
  layerTypes: fc.oneof(fc.constantFrom('0_1_2', '0s_0', '0_9'), shortText),
};

function valueOf(key: string, row: Setting) {
  switch (row.kind) {
    case 'number': {
      const { min, max, whole } = row.range;
      return whole
        ? fc.integer({ min, max })
        : fc.double({ min, max, noNaN: true }).map((value) => value + 0);
    }
    case 'choice':
      return fc.constantFrom(...Object.keys(row.options));
    case 'flag':
      return fc.boolean();
    case 'text':
      return texts[key] ?? shortText;
  }
}
const configs = fc.record(
  Object.fromEntries(Object.entries(settings).map(([key, row]) => [key, valueOf(key, row)])),
) as unknown as fc.Arbitrary<PlaygroundConfig>; // a value of the right kind for every row

describe('the address', () => {
  it('names the mode as soon as it says anything', () => {
    expect(encodeHash(home, stored)).toBe('');
    expect(encodeHash({ ...home, seed: 7 }, stored)).toBe('v=1&mode=fastest&seed=7');
    expect(encodeHash({ ...home, mode: 'auto' }, stored)).toBe('v=1&mode=auto');
  });

  it('has no negative zero', () => {
    expect(decodeHash('v=1&backward=-0&temperature=-0').values).toEqual({
      backwardPasses: 0,
      temperature: 0,
    });
  });

  it('restores every state that can run, whatever the model’s own sharing is', () => {
    fc.assert(
      fc.property(configs, configs, (config, other) => {
        const own = sharingOf(other) as SharingConfig; // no field of an arbitrary state is empty
        expect(reopened(config, own)).toEqual(config);
        expect(decodeHash(`#${encodeHash(config, own)}`).complaints).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it('never throws on any text, and accepts no value that its field could not have', () => {
    const fieldLike = fc
      .array(fc.tuple(fc.constantFrom('v', 'model', 'topP', 'layers', '__proto__', 'seed', ''), fc.string()))
      .map((parts) => parts.map(([name, value]) => `${name}=${value}`).join('&'));
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fieldLike), (hash) => {
        const { values } = decodeHash(hash);
        for (const [key, row] of Object.entries(settings)) {
          const value = values[key as keyof PlaygroundConfig];
          if (row.kind !== 'number' || value === undefined) continue;
          expect(value).toBeGreaterThanOrEqual(row.range.min);
          expect(value).toBeLessThanOrEqual(row.range.max);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('is empty if everything is at its default', () => {
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
    ['#v=1&seed=3&seed=4&seed=5', '“seed” comes twice: the first one counts'],
    ['#v=1&prompt=%E0%A4%A', '“prompt” is not a field with a value'],
    ['#hello', '“hello” is not a field with a value'],
    ['#__proto__=1', '“__proto__” is not known'],
  ])('%s is reported and otherwise ignored', (hash, complaint) => {
    expect(decodeHash(hash).complaints).toEqual([complaint]);
  });

  it('keeps the valid parts of a link with invalid ones', () => {
    expect(decodeHash('#v=1&seed=3&colour=red&mode=parallel').values).toEqual({ seed: 3, mode: 'parallel' });
  });
});

describe('a hostile link', () => {
  const digits = '1'.repeat(100_000);
  it.each([
    ['a number of 100,000 digits', `seed=${digits}`],
    ['a number of 1,000,000 digits', `seed=${digits.repeat(10)}`],
    ['digits before a decimal point', `topP=${digits}.${digits}e`],
    [
      'numbers that are too long for every field',
      ['seed', 'topK', 'max', 'window'].map((name) => `${name}=${digits}x`).join('&'),
    ],
    ['50,000 unknown fields', Array.from({ length: 50_000 }, (_, i) => `a${i}=1`).join('&')],
    ['one field 100,000 times', 'seed=1&'.repeat(100_000)],
    ['300,000 separators', '&'.repeat(300_000)],
    ['a million equals signs', '='.repeat(1_000_000)],
    ['a long name', `${'a'.repeat(900_000)}=1`],
    ['a long run of escapes', `prompt=${'%F0%9F%91%B8'.repeat(80_000)}`],
    ['a model with many slashes', `model=${'a/'.repeat(400_000)}`],
    ['a server with many dots', `endpoint=https://${'a.'.repeat(400_000)}/!`],
    ['five million characters', 'x'.repeat(5_000_000)],
    ['a million signs for a space', '+'.repeat(999_000)],
    ['one text left out 100,000 times', `omits=${'prompt,'.repeat(100_000)}`],
  ])('%s is read in under 100 ms, with short complaints', (_, link) => {
    // One flat string, as from a browser.
    const hash = Buffer.from(`#v=1&${link}`).toString();
    const startMs = performance.now();
    const { values, complaints } = decodeHash(hash);
    expect(performance.now() - startMs).toBeLessThan(100);
    expect(JSON.stringify(complaints).length).toBeLessThan(5000);
    for (const complaint of complaints) expect(complaint.length).toBeLessThan(200);
    expect(Object.values(values).filter((value) => typeof value === 'string')).toEqual([]);
  });
});

describe('a complaint about a link', () => {
  it('shows no character that hides or turns the words beside it', () => {
    const { complaints } = decodeHash('#v=1&%E2%80%AEx=1&seed=%E2%80%8B%E2%81%A6%00&mode=%E2%80%A8');
    expect(complaints).toHaveLength(3);
    expect(complaints.join('')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  });
});

describe('a text that is too long for a link', () => {
  const long: PlaygroundConfig = { ...home, prompt: 'a'.repeat(100_001), seed: 7 };

  it('is left out and named, and the rest stays', () => {
    expect(encodeHash(long, stored)).toBe('v=1&mode=fastest&seed=7&omits=prompt');
    expect(tooLongForLink(long, stored)).toEqual(['prompt']);
    expect(decodeHash(encodeHash(long, stored))).toEqual({
      values: { mode: 'fastest', seed: 7 },
      omitted: ['prompt'],
      build: null,
      contenders: [],
      experiment: null,
      healing: null,
      tab: 'write',
      complaints: ['Prompt: too long for a link, so set it by hand'],
    });
  });

  it('is never written: the page can read every link that it writes', () => {
    for (const letter of ['a', ' ', 'é', '語', '👸', '%', '&']) {
      for (const layers of ['', 'x'.repeat(100_000)]) {
        const prompt = letter.repeat(100_000 / letter.length);
        const config: PlaygroundConfig = { ...home, prompt, layerTypes: layers };
        const { values, omitted } = decodeHash(encodeHash(config, stored));
        if (!omitted.includes('prompt')) expect(values.prompt).toBe(prompt);
        if (!omitted.includes('layerTypes')) expect(values.layerTypes).toBe(layers);
        expect(omitted).toEqual(tooLongForLink(config, stored));
      }
    }
    expect(tooLongForLink({ ...home, prompt: '語'.repeat(100_000) }, stored)).toEqual([]);
  });

  it('is named only if it belongs to a setting', () => {
    expect(decodeHash('#v=1&omits=colour,__proto__')).toEqual({
      ...{
        values: {},
        omitted: [],
        complaints: [],
        build: null,
        contenders: [],
        experiment: null,
        healing: null,
        tab: 'write',
      },
    });
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

describe('a healing in a link', () => {
  it('is read as it is written', () => {
    for (const healing of [
      { trained: 'all', steps: 200 },
      { trained: 'projections', steps: 1 },
      { trained: 'projections', steps: 100_000 },
    ] as const) {
      const decoded = decodeHash(`#v=1&layers=0_0&heal=${healingAsLink(healing)}`);
      expect(decoded).toMatchObject({ healing, complaints: [], tab: 'write' });
    }
  });

  it.each(['all', 'all-0', 'all-1e3', 'projections-100001', 'weights-5', 'all-5-5', ''])(
    'is refused as “%s”',
    (text) => {
      const { healing, complaints } = decodeHash(`#v=1&heal=${text}`);
      expect(healing).toBeNull();
      expect(complaints).toEqual([`heal cannot be “${text}”`]);
    },
  );

  it('is something that a link sets', () => {
    expect(setsNothing(decodeHash('#v=1&tab=compare'))).toBe(true);
    expect(setsNothing(decodeHash('#v=1&heal=all-5'))).toBe(false);
    expect(setsNothing(decodeHash('#v=1&seed=3'))).toBe(false);
  });
});

describe('the tab of a link', () => {
  it('is the one that it names, whatever else it brings', () => {
    expect(decodeHash('#v=1&tab=throughput').tab).toBe('throughput');
    expect(decodeHash('#v=1&1.layers=0_1&tab=write').tab).toBe('write');
  });

  it('is otherwise the one for what it brings', () => {
    expect(decodeHash('#v=1&1.layers=0_1&2.layers=0_0').tab).toBe('compare');
    expect(decodeHash('#v=1&experiment=%7B%7D').tab).toBe('laboratory');
    expect(decodeHash('#v=1&seed=3').tab).toBe('write');
  });

  it('is written after the settings, and left out if it opens by itself', () => {
    expect(withTab('v=1&seed=3', 'compare')).toBe('v=1&seed=3&tab=compare');
    expect(withTab('', 'laboratory')).toBe('v=1&tab=laboratory');
    expect(withTab('v=1&seed=3', 'write')).toBe('v=1&seed=3');
    expect(withTab('', 'write')).toBe('');
  });

  it('must be one of them', () => {
    const { tab, complaints } = decodeHash('#v=1&tab=settings');
    expect(tab).toBe('write');
    expect(complaints).toEqual(['tab cannot be “settings”']);
  });
});
