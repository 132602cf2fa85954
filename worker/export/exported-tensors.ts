import { isCopy, kvRoles, kvSources } from '../../gpu/plan/conversion.ts';
import type { ElementType } from '../../gpu/numbers/element-type.ts';
import type { LayerType } from '../../gpu/plan/layer-types.ts';
import type { ModelDims } from '../../gpu/plan/model-dims.ts';
import { weightSpecs, type WeightRole, type WeightSpec } from '../../gpu/plan/weight-specs.ts';
import type { LocatedTensor } from '../loader/locate-tensors.ts';
import type { RoundTo } from '../protocol/export.ts';

const isConverted: ReadonlySet<WeightRole> = new Set(kvRoles);

/** One tensor of an exported model, and the stored tensors that it is made from. */
export interface ExportedTensor {
  readonly spec: WeightSpec;
  readonly type: RoundTo;
  /** It is the mean of these, which may repeat. A single one is copied, or rounded if it has 32 bits. */
  readonly sources: readonly LocatedTensor[];
}

/**
 * The tensors of a checkpoint under another plan, ordered so that the copied ones can be read in one pass.
 *
 * @param located the stored plan's tensors, by name
 * @param round   the type for 32-bit numbers, and for means of tensors of different types
 */
export function exportedTensors(
  dims: ModelDims,
  stored: readonly LayerType[],
  wanted: readonly LayerType[],
  located: ReadonlyMap<string, LocatedTensor>,
  round: RoundTo,
): readonly ExportedTensor[] {
  const placeOf = new Map([...located.values()].map((tensor) => [placeName(tensor.spec), tensor]));
  const present = (spec: WeightSpec, layer: number) => {
    const tensor = placeOf.get(placeName({ ...spec, layer }));
    if (!tensor) throw new RangeError(`the checkpoint has no ${spec.role} in layer ${layer}`);
    return tensor;
  };
  const converted = kvSources(stored, wanted);
  const tensors = weightSpecs(dims, wanted).map((spec): ExportedTensor => {
    const owners = isConverted.has(spec.role) ? (converted.get(spec.layer) ?? []) : [spec.layer];
    const sources = (isCopy(owners) ? owners.slice(0, 1) : owners).map((layer) => present(spec, layer));
    return { spec, sources, type: typeOf(sources, round) };
  });
  const copies = tensors.filter(({ sources }) => sources.length === 1);
  const means = tensors.filter(({ sources }) => sources.length > 1);
  return [...copies.sort(byPlace), ...means];
}

const placeName = ({ role, layer }: Pick<WeightSpec, 'role' | 'layer'>) => `${role}/${layer}`;

function byPlace(a: ExportedTensor, b: ExportedTensor): number {
  const [one, other] = [a.sources[0], b.sources[0]];
  if (!one || !other) return 0;
  return one.file.name.localeCompare(other.file.name) || one.tensor.begin - other.tensor.begin;
}

function typeOf(sources: readonly LocatedTensor[], round: RoundTo): RoundTo {
  const types = new Set<ElementType>(sources.map(({ type }) => type));
  const [type] = types;
  return types.size === 1 && type !== undefined && type !== 'f32' ? type : round;
}
