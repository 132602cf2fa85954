import { maskOf, visibleKeys } from '../../gpu/kv/mask.ts';
import { groupsOf } from '../../gpu/plan/forward-plan.ts';
import { ownersOf, type LayerType } from '../../gpu/plan/layer-types.ts';
import type { PrefillPass } from '../../gpu/plan/prefill-schedule.ts';
import type { Sharing } from '../../gpu/plan/sharing.ts';

/**
 * A decoder whose hidden state is an integer below a prime. Two orders of work agree exactly or not at all.
 * It has the data flow of a real one: who reads whose KV, of which pass, at which positions. NaN marks
 * what was never computed.
 */
const prime = 65521;
const reduce = (value: number) => value % prime;

/** KV by owner and absolute position. */
export type ToyKv = ReadonlyMap<number, number[]>;

const kvOf = (layer: number, hidden: number) => reduce((hidden + 3 * layer + 1) * (17 + layer));

/** The output of a layer at a position, including attention over the KV of its owner. */
function throughLayer(sharing: Sharing, layer: LayerType, kv: ToyKv, position: number, hidden: number) {
  const { from, to } = visibleKeys(position, maskOf(sharing, layer));
  const keys = kv.get(layer.readsFrom) ?? [];
  let attended = 0;
  for (let k = from; k < to; k++) attended = reduce(attended + reduce((keys[k] ?? NaN) * (k + 2)));
  return afterAttention(layer, hidden, attended);
}

const afterAttention = (layer: LayerType, hidden: number, attended: number) => {
  const mixed = reduce(hidden + attended + layer.index + 5);
  return reduce(reduce(mixed * mixed) * 31 + 7);
};

const embed = (token: number) => reduce(token * 7919 + 13);

export const emptyKv = (sharing: Sharing): ToyKv =>
  new Map(ownersOf(sharing.layers).map((owner) => [owner, []]));

/** The definition of the model: token by token, all layers in order. Appends to `kv`. */
export function toySequential(sharing: Sharing, tokens: readonly number[], kv: ToyKv): readonly number[] {
  return tokens.map((token) => {
    let hidden = embed(token);
    const position = Math.max(0, ...[...kv.values()].map((rows) => rows.length - 1)) + (hasRows(kv) ? 1 : 0);
    for (const layer of sharing.layers) {
      kv.get(layer.index)?.push(kvOf(layer.index, hidden));
      hidden = throughLayer(sharing, layer, kv, position, hidden);
    }
    return hidden;
  });
}

const hasRows = (kv: ToyKv) => [...kv.values()].some((rows) => rows.length > 0);

/** Parallel mode by its definition: every layer over every row in every pass. Appends to `kv`. */
export function toyParallel(sharing: Sharing, tokens: readonly number[], kv: ToyKv, passes: number) {
  const start = [...kv.values()][0]?.length ?? 0;
  for (const rows of kv.values()) rows.push(...tokens.map(() => 0));
  let entering = tokens.map(embed);
  for (const group of groupsOf(sharing.layers)) {
    let hidden = entering;
    for (let pass = 0; pass < (group.iterated ? passes : 1); pass++) {
      hidden = entering;
      for (const layer of sharing.layers.slice(group.start, group.stop)) {
        const own = kv.get(layer.index);
        if (own) for (const [row, value] of hidden.entries()) own[start + row] = kvOf(layer.index, value);
        hidden = hidden.map((value, row) => throughLayer(sharing, layer, kv, start + row, value));
      }
    }
    entering = hidden;
  }
  return entering;
}

/** Parallel mode by a schedule: only the work that it lists. Rows that it leaves out become NaN. */
export function toyScheduled(
  sharing: Sharing,
  tokens: readonly number[],
  kv: ToyKv,
  schedule: readonly PrefillPass[],
) {
  const start = [...kv.values()][0]?.length ?? 0;
  for (const rows of kv.values()) rows.push(...tokens.map(() => 0));
  let entering = tokens.map(embed);
  for (const { pass, passes, steps } of schedule) {
    let hidden = entering;
    for (const { layer: index, work, ownsKv, seesOnlyZeros } of steps) {
      const own = kv.get(index);
      if (ownsKv && own) for (const [row, value] of hidden.entries()) own[start + row] = kvOf(index, value);
      for (const layer of sharing.layers.slice(index, index + 1)) {
        hidden = hidden.map((value, row) => {
          if (work === 'kv' || (work === 'last' && row < tokens.length - 1)) return NaN;
          return seesOnlyZeros
            ? afterAttention(layer, value, 0)
            : throughLayer(sharing, layer, kv, start + row, value);
        });
      }
    }
    if (pass === passes - 1) entering = hidden;
  }
  return entering;
}
