import { canonicalJson } from '../../../worker/laboratory/canonical-json.ts';
import { sha256 } from '../../../worker/sha256.ts';
import { readExperiment, type Experiment } from '../../../worker/laboratory/experiment.ts';
import { itemsOfMeasure, sourceOf, type MeasureItems } from '../../../worker/laboratory/measure-items.ts';
import type { ByDigest, Measure } from '../../../worker/laboratory/measures.ts';
import { isObject } from '../../../worker/hostile-fields.ts';
import type { BackendChoice } from '../../../worker/protocol/load.ts';
import type { Texts } from './texts.ts';

/** An experiment that the panel shows. */
export interface OpenedExperiment {
  /** The digest of what it says. */
  readonly id: string;
  readonly experiment: Experiment;
  readonly name: string;
  readonly about: string;
  /** Texts that it names, and that are neither on this page nor on this device. */
  readonly missing: readonly ByDigest[];
  /** The items of its measures. Empty while a text is missing. */
  readonly items: ReadonlyMap<Measure, MeasureItems>;
}

const LONGEST_NAME = 200;
const LONGEST_ABOUT = 1000;

/** What the most input tokens are is known when a model is loaded; which items there are does not depend on it. */
const ANY_CONTEXT = 1;

/**
 * @param json hostile
 * @throws Refused, naming the field
 */
export async function openExperiment(
  json: unknown,
  texts: Texts,
  untitled: string,
): Promise<OpenedExperiment> {
  const experiment = readExperiment(json);
  const missing: ByDigest[] = [];
  const items = new Map<Measure, MeasureItems>();
  for (const measure of experiment.measures) {
    const wanted = sourceOf(measure);
    const source = wanted ? await texts.find(wanted) : '';
    if (source !== null) {
      const settings = { contextTokens: ANY_CONTEXT, seed: experiment.seed };
      items.set(measure, itemsOfMeasure(measure, source, settings));
    } else if (wanted && !missing.some(({ sha256: known }) => known === wanted.sha256)) {
      missing.push(wanted);
    }
  }
  const textOf = (field: unknown, longest: number) =>
    typeof field === 'string' ? field.slice(0, longest).trim() : '';
  return {
    id: await sha256(canonicalJson(experiment.json)),
    experiment,
    name: textOf(experiment.json['name'], LONGEST_NAME) || untitled,
    about: textOf(experiment.json['about'], LONGEST_ABOUT),
    missing,
    items,
  };
}

/** An experiment that does not say what computes, for a page that computes on the CPU. Anything else stays as it is. */
export function withBackend(json: unknown, backend: BackendChoice): unknown {
  if (!isObject(json) || backend === 'webgpu') return json;
  const base = json['base'] ?? {};
  if (!isObject(base) || 'backend' in base || variesBackend(json['vary'])) return json;
  return { ...json, base: { ...base, backend } };
}

const variesBackend = (vary: unknown) =>
  Array.isArray(vary) &&
  vary.some(
    (factor: unknown) =>
      isObject(factor) &&
      ('backend' in factor ||
        (Array.isArray(factor['variants']) &&
          factor['variants'].some((variant: unknown) => isObject(variant) && 'backend' in variant))),
  );

/** Items of all rows. */
export const itemCount = ({ experiment, items }: OpenedExperiment): number =>
  experiment.rows.length * [...items.values()].reduce((sum, { facts }) => sum + facts.length, 0);
