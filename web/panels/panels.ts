import type { Component } from 'svelte';
import type { FormName } from '../../worker/settings/setting.ts';
import type { Tab } from '../settings/tabs.ts';
import { HUB_PANEL } from '../ui/go-to-hub.ts';
import Figures from './figures/Figures.svelte';
import SharingPanel from './layers/SharingPanel.svelte';
import ModelPanel from './model/ModelPanel.svelte';
import PrecisionPanel from './model/PrecisionPanel.svelte';
import PicturePanel from './picture/PicturePanel.svelte';
import SamplingPanel from './sampling/SamplingPanel.svelte';
import Output from './write/Output.svelte';
import Prompt from './write/Prompt.svelte';

/**
 * Where a panel stands: in one of the tabs, among the settings, or below what the model writes: as something to look at
 * more closely, or at the end, where a table has room.
 */
export type Place = Tab | 'settings' | 'workbench' | 'end';

/** When a panel opens by itself: with the page or its tab, if a link calls for it, or never. */
export type Opening = 'at first' | 'with a linked healing' | 'on request';

interface Row {
  readonly id: string;
  readonly title: string;
  /** One sentence that says what the panel is for. */
  readonly hint: string;
  readonly place: Place;
  /** Tabs and settings cannot be closed; narrow screens fold the settings by themselves. */
  readonly opens: Opening;
  /** What one line says of settings that are folded: the model, the values of a form, or only the hint. */
  readonly tells: FormName | 'model' | 'hint';
}

/** An eager panel is part of the first view; the code of a lazy one is fetched when the panel is first shown. */
type Code =
  | { readonly loading: 'eager'; readonly component: Component }
  | { readonly loading: 'lazy'; readonly load: () => Promise<{ default: Component }> };

export type Panel = Row & Code;

/**
 * The panels of the page, in their order within each place. A new panel is a folder and a row.
 *
 * Titles and hints stand here and not with the panel's other words, because a lazy panel needs them before its code.
 */
export const panels: readonly Panel[] = [
  {
    id: 'prompt',
    title: 'Prompt',
    hint: 'Write the start of a text, or chat with the model.',
    place: 'write',
    opens: 'at first',
    tells: 'hint',
    loading: 'eager',
    component: Prompt,
  },
  {
    id: 'output',
    title: 'Output',
    hint: 'Read what the model writes.',
    place: 'write',
    opens: 'at first',
    tells: 'hint',
    loading: 'eager',
    component: Output,
  },
  {
    id: 'picture',
    title: 'Plan and cache',
    hint: 'Edit which layers share, and watch what their caches hold.',
    place: 'write',
    opens: 'at first',
    tells: 'hint',
    loading: 'eager',
    component: PicturePanel,
  },
  {
    id: 'figures',
    title: 'Figures',
    hint: 'Watch the memory and the speed of the run.',
    place: 'write',
    opens: 'at first',
    tells: 'hint',
    loading: 'eager',
    component: Figures,
  },
  {
    id: 'share',
    title: 'Share',
    hint: 'Copy a link to these settings, or cite the last run.',
    place: 'write',
    opens: 'at first',
    tells: 'hint',
    loading: 'lazy',
    load: () => import('./share/SharePanel.svelte'),
  },
  {
    id: 'compare',
    title: 'Compare',
    hint: 'Run plans and cache policies by turns, and compare them side by side.',
    place: 'compare',
    opens: 'at first',
    tells: 'hint',
    loading: 'lazy',
    load: () => import('./compare/Compare.svelte'),
  },
  {
    id: 'family',
    title: 'Family',
    hint: 'See what each way of sharing saves in memory, and what it costs in quality.',
    place: 'compare',
    opens: 'at first',
    tells: 'hint',
    loading: 'lazy',
    load: () => import('./family/FamilyPanel.svelte'),
  },
  {
    id: 'throughput',
    title: 'Throughput',
    hint: 'See how many texts fit into memory at once, and how fast they are together.',
    place: 'throughput',
    opens: 'at first',
    tells: 'hint',
    loading: 'lazy',
    load: () => import('./throughput/ThroughputPanel.svelte'),
  },
  {
    id: 'laboratory',
    title: 'Laboratory',
    hint: 'Measure plans and policies, also on a text of your own.',
    place: 'laboratory',
    opens: 'at first',
    tells: 'hint',
    loading: 'lazy',
    load: () => import('./laboratory/Laboratory.svelte'),
  },
  {
    id: 'model',
    title: 'Model',
    hint: 'Choose a model, or bring your own.',
    place: 'settings',
    opens: 'at first',
    tells: 'model',
    loading: 'eager',
    component: ModelPanel,
  },
  {
    id: 'sharing',
    title: 'KV sharing',
    hint: 'Choose whose keys and values each layer reads.',
    place: 'settings',
    opens: 'at first',
    tells: 'sharing',
    loading: 'eager',
    component: SharingPanel,
  },
  {
    id: 'cache',
    title: 'What the cache keeps',
    hint: 'Choose which rows of the KV cache stay while the text grows.',
    place: 'settings',
    opens: 'at first',
    tells: 'policy',
    loading: 'lazy',
    load: () => import('./cache/CachePanel.svelte'),
  },
  {
    id: 'sampling',
    title: 'Sampling',
    hint: 'Choose how the next token is drawn.',
    place: 'settings',
    opens: 'at first',
    tells: 'sampling',
    loading: 'eager',
    component: SamplingPanel,
  },
  {
    id: 'precision',
    title: 'Backend and precision',
    hint: 'Choose what computes, and in how many bits.',
    place: 'settings',
    opens: 'at first',
    tells: 'precision',
    loading: 'eager',
    component: PrecisionPanel,
  },
  {
    id: HUB_PANEL,
    title: 'Models from the Hub',
    hint: 'Download a model from the Hub, and manage the stored ones.',
    place: 'settings',
    opens: 'at first',
    tells: 'hint',
    loading: 'lazy',
    load: () => import('./hub/HubPanel.svelte'),
  },
  {
    id: 'export',
    title: 'Export',
    hint: 'Save the model under this plan.',
    place: 'settings',
    opens: 'at first',
    tells: 'hint',
    loading: 'lazy',
    load: () => import('./export/ExportPanel.svelte'),
  },
  {
    id: 'scale',
    title: 'Why it matters',
    hint: 'See how many people a large model could serve with this plan.',
    place: 'workbench',
    opens: 'on request',
    tells: 'hint',
    loading: 'lazy',
    load: () => import('./scale/ScalePanel.svelte'),
  },
  {
    id: 'heal',
    title: 'Heal',
    hint: 'Train this plan in the tab until its text is good again.',
    place: 'workbench',
    opens: 'with a linked healing',
    tells: 'hint',
    loading: 'lazy',
    load: () => import('./heal/HealPanel.svelte'),
  },
  {
    id: 'charts',
    title: 'Charts',
    hint: 'See how KV and speed change as the text grows, and GPU time by kernel.',
    place: 'workbench',
    opens: 'on request',
    tells: 'hint',
    loading: 'lazy',
    load: () => import('./charts/Charts.svelte'),
  },
  {
    id: 'tokens',
    title: 'Tokens',
    hint: 'See the probability, the rank and the alternatives of each token.',
    place: 'workbench',
    opens: 'on request',
    tells: 'hint',
    loading: 'lazy',
    load: () => import('./tokens/TokenStrip.svelte'),
  },
  {
    id: 'attention',
    title: 'Attention',
    hint: 'See which earlier tokens a token reads, by layer and head.',
    place: 'workbench',
    opens: 'on request',
    tells: 'hint',
    loading: 'lazy',
    load: () => import('./attention/AttentionPanel.svelte'),
  },
  {
    id: 'convergence',
    title: 'Convergence',
    hint: 'See how far each pass of parallel mode moves each position.',
    place: 'workbench',
    opens: 'on request',
    tells: 'hint',
    loading: 'lazy',
    load: () => import('./convergence/Microscope.svelte'),
  },
  {
    id: 'runs',
    title: 'Runs',
    hint: 'Sort, name, export and reopen the runs that are kept on this device.',
    place: 'end',
    opens: 'at first',
    tells: 'hint',
    loading: 'lazy',
    load: () => import('./runs/RunsPanel.svelte'),
  },
];

export const panelsAt = (place: Place): readonly Panel[] => panels.filter((panel) => panel.place === place);
