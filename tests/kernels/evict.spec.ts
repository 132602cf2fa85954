import { describe, expect, it } from 'vitest';
import { policyWith } from '../support/arbitrary-policies.ts';
import { randomFloats, rowTable, run } from '../support/kernels.ts';
import { HELD_WORDS, packHeld, unpackHeld } from '../../gpu/webgpu/held-table.ts';
import { evict } from '../../gpu/webgpu/kernels/held-rows.ts';
import { MOST_TEXTS, packPolicy, POLICY_BYTES } from '../../gpu/webgpu/pack-policy.ts';

const versions = 2;
const workgroup = 32;
const kvHeads = 2;

/** The policies of a step whose first text has this one. */
function policiesOf(policy: ArrayBuffer): Uint32Array {
  const words = new Uint32Array((MOST_TEXTS * POLICY_BYTES) / 4);
  words.set(new Uint32Array(policy));
  return words;
}

/** Runs a step's cut over a table whose rows lie in its first slots. The other slots were freed at the given times. */
async function cut(slots: number, rows: number, recent: number, freedAt: (slot: number) => number) {
  const scores = Array.from({ length: kvHeads }, () => randomFloats(rows));
  const marked = scores.map((heads) => Array.from(heads, (score, position) => ({ position, score })));
  const table = packHeld(slots, rows, marked, true);
  for (let slot = rows + 1; slot < slots; slot++) {
    for (let head = 0; head < kvHeads; head++)
      table[(slot * kvHeads + head) * HELD_WORDS + 3] = freedAt(slot);
  }
  const held = new Uint32Array(versions * table.length);
  held.set(table);
  const row = { sequence: 0, position: rows, rope: 0, slot: 0, firstSlot: 0, endSlot: slots };
  const budget = { sinks: 0, recent, heavy: rows - recent };
  const data = {
    held,
    added: new Float32Array(slots * kvHeads),
    next: new Uint32Array(versions * kvHeads),
    rows: rowTable([row]),
    policies: policiesOf(packPolicy(policyWith('h2o', budget), budget, rows)),
  };
  const params = { kvHeads, versions, stride: 0, windowed: false, scores: 1, joint: false, workgroup };
  const after = new Uint32Array(await run(evict, params, data, 'held')).subarray(table.length);
  const next = new Uint32Array(await run(evict, params, data, 'next')).subarray(kvHeads);
  return { scores, kept: unpackHeld(after, kvHeads), next };
}

describe('evict', () => {
  it('drops the row with the lowest score that is not recent, also with more rows than invocations', async () => {
    for (const rows of [2, 31, 32, 33, 100]) {
      const recent = Math.ceil(rows / 3);
      const { scores, kept } = await cut(rows + 9, rows, recent, () => 1);
      for (const [head, heads] of scores.entries()) {
        const old = Array.from(heads.subarray(0, rows + 1 - recent));
        const victim = old.indexOf(Math.min(...old));
        const expected = Array.from({ length: rows + 1 }, (_, position) => position).filter(
          (p) => p !== victim,
        );
        expect(
          kept[head]?.map(({ position }) => position),
          `${String(rows)} rows`,
        ).toEqual(expected);
      }
    }
  });

  it('reuses the slot that has been free for longest, because steps in flight may be thrown away', async () => {
    const rows = 20;
    for (const oldest of [21, 53, 85]) {
      // 21, 53 and 85 are looked at by the same invocation.
      const { next } = await cut(90, rows, 5, (slot) => (slot === oldest ? 3 : 4 + ((slot * 7) % 11)));
      expect([...next]).toEqual([oldest, oldest]);
    }
  });
});
