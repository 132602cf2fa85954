import type { HealRequest } from '../../worker/protocol/heal.ts';

/** What a link says of a healing: which weights to train, and for how many steps. */
export type LinkedHealing = Pick<HealRequest['recipe'], 'trained' | 'steps'>;

/** More would take days. */
export const MOST_STEPS = 100_000;

const HEALING = /^(projections|all)-([1-9]\d{0,5})$/;

/** As a link writes it: `projections-100`. */
export const healingAsLink = ({ trained, steps }: LinkedHealing): string => `${trained}-${steps}`;

/** Null if the text is none. */
export function readLinkedHealing(text: string): LinkedHealing | null {
  const [, trained, steps] = HEALING.exec(text) ?? [];
  if ((trained !== 'projections' && trained !== 'all') || Number(steps) > MOST_STEPS) return null;
  return { trained, steps: Number(steps) };
}
