import { formatLayerTypes, parseLayerTypes } from '../../../gpu/plan/layer-types.ts';
import type { ModelFacts } from '../../../worker/protocol/load.ts';
import type { Playground } from '../../playground/playground.svelte.ts';
import { presetLayerTypes, presetsFor } from '../../presets/presets.ts';

/** What the tour looks at: enough to know whether somebody did what a step asks for. */
interface Moment {
  readonly lastRun: number;
  readonly layerTypes: string;
}

export const momentOf = ({ history, config }: Playground): Moment => ({
  lastRun: history[0]?.number ?? 0,
  layerTypes: config.layerTypes.trim(),
});

/** One step: a part of the page, what to know about it, and something to do there. */
export interface Step {
  /** Finds the part that the step is about. */
  readonly selector: string;
  readonly title: string;
  readonly text: string;
  /** The name of the button that does it for people who would rather watch. */
  readonly offer: string;
  readonly perform: () => void;
  /** @param start what the page looked like when the step began */
  readonly isDone: (start: Moment) => boolean;
  /** What there is to see afterwards. */
  readonly after: string;
}

/** Writes with sharing and without, draws a plan, and compares. */
export function stepsFor(playground: Playground): readonly Step[] {
  const ran = (start: Moment) => momentOf(playground).lastRun > start.lastRun;
  const generate = () => {
    playground.generate();
  };
  const plain = () => plainPlan(playground.layerCount);
  return [
    {
      selector: '.prompt',
      title: 'Let it write',
      text: `A language model runs in this tab, on ${processorOf(playground.model?.adapter ?? null)}. Change the prompt if you like, then press Generate: the model continues it.`,
      offer: 'Generate for me',
      perform: generate,
      isDone: ran,
      after: 'While it wrote, it kept keys and values of everything that it read: the KV cache.',
    },
    {
      selector: '#sharing',
      title: 'Switch to plain LLaMA',
      text: 'In this model most layers read the keys and values of another layer. In a plain LLaMA every layer keeps its own. Choose it among the presets.',
      offer: 'Choose it for me',
      perform: () => {
        const layerTypes = plain();
        if (layerTypes !== null) playground.chooseLayout(layerTypes, 'preset');
      },
      isDone: () => momentOf(playground).layerTypes === plain(),
      after:
        'Every layer is an owner now. Presets bring weights that were trained for them, if there are any.',
    },
    {
      selector: '[aria-label="Figures"]',
      title: 'Watch the KV cache grow',
      text: 'Generate again, and compare the KV cache with the run before. The question mark beside each figure explains it.',
      offer: 'Generate once more',
      perform: generate,
      isDone: ran,
      after: 'More memory for nearly the same text: this is what sharing saves.',
    },
    {
      selector: '.hero',
      title: 'Draw a plan of your own',
      text: 'Drag one layer onto another: it then reads that one’s keys and values, and keeps none of its own. By keyboard: choose a layer with the arrows and type the number of the other.',
      offer: 'Draw one for me',
      perform: () => {
        const drawn = withOneReader(playground.config.layerTypes, playground.layerCount);
        if (drawn !== null) playground.planEditor.edit(drawn, 'tour');
      },
      isDone: ({ layerTypes }) => momentOf(playground).layerTypes !== layerTypes,
      after:
        'Nobody trained the weights for this plan. Generate to see what that does to the text, or press Undo.',
    },
    {
      selector: '[role="tablist"]',
      title: 'Compare',
      text: 'Under Compare, one button runs the whole family with the same prompt. Throughput shows how many texts fit into memory at once; the Laboratory measures quality.',
      offer: 'Show me Compare',
      perform: () => {
        playground.tab = 'compare';
      },
      isDone: () => playground.tab !== 'write',
      after: 'Press “Run the whole family” to see what each way of sharing saves and costs.',
    },
  ];
}

function plainPlan(layerCount: number | null): string | null {
  const [plain] = layerCount === null ? [] : presetsFor(layerCount);
  return plain && layerCount !== null ? presetLayerTypes(plain, layerCount) : null;
}

/** The plan with the second layer from the top as a reader of the one below, or as an owner again; null if it has a mistake. */
function withOneReader(text: string, layerCount: number | null): string | null {
  const plan = layerCount === null ? null : parseLayerTypes(text, layerCount);
  if (!plan?.ok) return null;
  const layer = Math.max(0, plan.value.length - 2);
  return formatLayerTypes(
    plan.value.map((entry, i) => {
      if (i !== layer) return entry;
      return { ...entry, readsFrom: entry.readsFrom === layer ? Math.max(0, layer - 1) : layer };
    }),
  );
}

function processorOf(adapter: ModelFacts['adapter'] | null): string {
  if (adapter === null) return 'your own machine';
  return adapter.backend === 'webgpu' && !adapter.software ? 'your own GPU' : 'your own processor';
}
