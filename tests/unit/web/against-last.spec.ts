import { expect, it } from 'vitest';
import { againstLast } from '../../../web/panels/write/against-last.ts';
import { words } from '../../../web/panels/write/against-last-words.ts';
import type { StoredRun } from '../../../web/playground/stored-run.ts';
import type { Spread } from '../../../web/ui/spread.ts';
import { stored } from './stored-run-fixture.ts';

const spread = (...values: readonly number[]): Spread => ({
  ...{ median: values[values.length >> 1] ?? 0, least: Math.min(...values), most: Math.max(...values) },
  count: values.length,
});

/** The sentence about a run of three new tokens, and one before of which some things were different. */
function sentence(
  now: Partial<StoredRun>,
  before: Partial<StoredRun>,
  decode: readonly [now: Spread | null, before: Spread | null] = [null, null],
) {
  const [run, last] = [stored({ id: 'now', ...now }), stored({ id: 'before', ...before })];
  const speedsOf = ({ id }: StoredRun) => ({ decode: decode[id === 'now' ? 0 : 1], prefill: null });
  return words.sentence(againstLast(run, last, speedsOf));
}

it('tells what changed: memory, speed, text', () => {
  const fewer = { kvBytes: 36, text: ' upon a tree' };
  expect(sentence(fewer, { kvBytes: 96 }, [spread(80, 90), spread(85, 88)])).toBe(
    'The last run, against the one before it: KV −62.5 %, decoding about as fast (at this size KV is not the bottleneck), text differs from word 3.',
  );
});

it('calls a speed faster or slower only outside the noise, and says nothing of the noise of one run', () => {
  expect(sentence({}, {}, [spread(150, 160), spread(100, 107)])).toContain('decode +49.5 %');
  expect(sentence({}, {}, [spread(50, 60), spread(100, 120)])).toContain('decode −50 %');
  expect(sentence({}, {}, [spread(96), spread(83)])).toContain(
    'decode 96 after 83 tokens/s (generate each again',
  );
});

it('the same settings write the same text in as much memory', () => {
  expect(sentence({}, {})).toBe('The last run, against the one before it: as much KV, the same text.');
});

it('runs of different lengths are compared by the bytes of a token, unless those are not constant', () => {
  const longer = { newTokens: 30, kvBytes: 768, kvBytesPerToken: 12 };
  expect(sentence(longer, { kvBytesPerToken: 24 })).toContain('KV −50 %');
  expect(sentence({ ...longer, layerTypes: '0s_1s' }, {})).not.toContain('KV');
  expect(sentence({ ...longer, policy: 'h2o' }, {})).not.toContain('KV');
});

it('texts of different prompts, of chats, and speeds of different adapters are not compared', () => {
  expect(sentence({ prompt: 'Twice', text: 'x' }, {})).not.toContain('text');
  expect(sentence({ asked: 'chat', text: 'x' }, {})).not.toContain('text');
  expect(sentence({ text: 'x' }, { asked: 'chat' })).not.toContain('text');
  expect(sentence({ adapter: 'WebGPU' }, {}, [spread(1, 2), spread(1, 2)])).not.toContain('decode');
});

it('a text that goes on where the other ended is the same so far', () => {
  expect(sentence({ text: ' upon a time there' }, { text: ' upon a time' })).toContain('the same text');
});

it('says nothing if nothing can be compared', () => {
  const other = { prompt: 'Twice', adapter: 'WebGPU', newTokens: 9, policy: 'h2o' };
  expect(sentence(other, {})).toBe('');
});

it('puts neither the memory nor the speed of several texts beside those of one', () => {
  const several = { continuations: 4, kvBytes: 400 };
  const speeds = [spread(80, 90), spread(20, 22)] as const;
  expect(sentence({ ...several, text: ' upon a tree' }, {}, speeds)).toBe(
    'The last run, against the one before it: text differs from word 3.',
  );
});
