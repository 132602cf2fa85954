/** "Bits per byte of my own text": the experiment that compares plans on it. */
import type { OfferedPlan } from '../../experiments/offered-plans.ts';

/** A text as it is, or its paragraphs as items of their own, from which errors can be drawn. */
export function ownTextSource(text: string, byParagraph: boolean): string {
  if (!byParagraph) return text;
  const paragraphs = text.split(/\r?\n(?:[ \t]*\r?\n)+/).filter((paragraph) => paragraph.trim() !== '');
  return paragraphs.map((paragraph) => `${JSON.stringify({ text: paragraph })}\n`).join('');
}

/** @param plans the first one is the baseline */
export function ownTextExperiment(
  source: { readonly sha256: string; readonly name: string },
  plans: readonly Pick<OfferedPlan, 'model' | 'layerTypes'>[],
  { name, byParagraph, kv }: { readonly name: string; readonly byParagraph: boolean; readonly kv: string },
): Readonly<Record<string, unknown>> {
  return {
    experiment: 1,
    name,
    seed: 1,
    base: { mode: 'sequential', kv },
    vary: [{ variants: plans.map(({ model, layerTypes }) => ({ model, layers: layerTypes })) }],
    measure: [
      {
        ...{ id: 'text', kind: 'rolling', text: { sha256: source.sha256, name: source.name } },
        ...(byParagraph && { column: 'text' }),
        begin: 'once',
      },
    ],
  };
}
