import { expect } from 'vitest';
import type { ModelWeights } from '../../gpu/backend.ts';
import { expectAllClose } from './all-close.ts';
import { sharingOf } from './arbitrary-plans.ts';
import { runSession } from './random-model.ts';

/**
 * Sessions of a model of four layers in both modes, under its own plan and one that converts and reads above, so that means
 * of keys and values are multiplied with too.
 */
export const bothModesAndPlans = (['sequential', 'parallel'] as const).flatMap((mode) =>
  ['0_1_2_3', '1_1_3_3'].map((plan) => ({
    ...{ mode, name: `${mode} ${plan}` },
    session: {
      sharing: sharingOf(plan),
      passes: { forward: 3, backward: 1 },
      kvPrecision: 'f32',
      capacityTokens: 24,
    } as const,
  })),
);

/**
 * Runs two models in {@link bothModesAndPlans}: they draw the same tokens, from logits that are this close.
 *
 * @param models the one that is tested, and the one that it is held to
 */
export async function expectAlike(
  models: readonly ModelWeights[],
  text: { readonly turns: readonly (readonly number[])[]; readonly newTokens: number },
  tolerance: number,
): Promise<void> {
  for (const { mode, name, session } of bothModesAndPlans) {
    const [got, wanted] = await Promise.all(
      models.map((model) => runSession(model, session, { ...text, mode })),
    );
    for (const [i, row] of (wanted?.logits ?? []).entries()) {
      expectAllClose(got?.logits[i] ?? [], row, tolerance, `${name}, logits of position ${i}`);
    }
    expect(got?.tokens).toEqual(wanted?.tokens);
  }
}
