import { keepEverything } from '../../../gpu/kv/policies/keep-everything.ts';
import { policyKind } from '../../../gpu/kv/policies/policies.ts';
import { plainKvBytesPerToken } from '../../../gpu/kv/usage.ts';
import { parseLayerTypes } from '../../../gpu/plan/layer-types.ts';
import type { Sharing } from '../../../gpu/plan/sharing.ts';
import type { SettingKey } from '../../../worker/settings/settings.ts';
import { policyOfSettings } from '../../../worker/settings/policy-request.ts';
import { keysWhere } from '../../../worker/settings/values.ts';
import type { Playground } from '../../playground/playground.svelte.ts';
import { writesSeveral, type Run } from '../../playground/run.ts';
import {
  evictedCache,
  plainCache,
  rowsOf,
  storesTold,
  type HeldCache,
  type HeldStore,
} from './held-cache.ts';
import { traceOf, type HeldTrace } from './held-trace.svelte.ts';
import { plannedStores, type PlannedStore } from './planned-cache.ts';
import { tokensToDraw } from './tokens-to-draw.ts';

/** KV of a cache, and what plain LLaMA would take for the same text. */
export interface KvBytes {
  readonly bytes: number;
  readonly plainBytes: number;
}

/** What the caches of the page's run hold, and what the edited plan would hold. */
export class CacheState {
  readonly trace: HeldTrace;
  readonly #playground: Playground;
  readonly #layerCount: () => number;
  /** How many cells have room side by side. */
  readonly #mostCells: () => number;

  constructor(playground: Playground, layerCount: () => number, mostCells: () => number) {
    this.#playground = playground;
    this.#layerCount = layerCount;
    this.#mostCells = mostCells;
    this.trace = traceOf(playground.desk);
  }

  get layerCount(): number {
    return this.#layerCount();
  }

  /** The run whose cells are shown; null if there is none, or if it has other layers or several caches. */
  readonly run: Run | null = $derived.by(() => {
    const { run } = this.#playground;
    if (!run || writesSeveral(run.settings) || run.dims.layerCount !== this.#layerCount()) return null;
    return run;
  });
  readonly writing = $derived.by(() => this.#playground.phase.at === 'generating');

  /** How the run shares; null without one. */
  readonly runSharing: Sharing | null = $derived.by(() => {
    if (!this.run) return null;
    const { layerTypes, dims, request } = this.run;
    const parsed = parseLayerTypes(layerTypes, dims.layerCount);
    if (!parsed.ok) return null;
    const { slidingWindow, forceNodiag } = request.config;
    return {
      layers: parsed.value,
      windowTokens: slidingWindow ?? Infinity,
      forceNodiag: forceNodiag ?? false,
    };
  });

  /** Tokens in the caches of the run. */
  readonly textTokens: number = $derived.by(() => {
    const traced = this.trace.version >= 0 && this.trace.number === this.run?.number;
    return traced ? this.trace.textTokens : 0;
  });

  /** Worked out once for what was told, not with every token. */
  readonly #told: { readonly textTokens: number; readonly stores: readonly HeldStore[] } | null = $derived.by(
    () => {
      const { told } = this.trace;
      const layers = this.runSharing?.layers;
      return told && layers ? { ...told, stores: storesTold(layers, told.stores) } : null;
    },
  );

  /** What the caches hold; null if no run is shown. */
  readonly held: HeldCache | null = $derived.by(() => {
    if (!this.run || !this.runSharing || this.textTokens === 0) return null;
    const { layers, windowTokens } = this.runSharing;
    if (this.#told) return evictedCache(this.#told.stores, this.#told.textTokens, this.textTokens);
    const unwatched = this.unwatched ? this.#unwatchedCache() : null;
    return unwatched ?? plainCache(layers, windowTokens, this.textTokens);
  });

  /** Whether the run has a policy and does not tell what it keeps. */
  readonly unwatched: boolean = $derived.by(() => {
    if (!this.run) return false;
    const { policy, watch } = this.run.request;
    return policy.id !== keepEverything.id && !(watch?.rows ?? false);
  });

  /** As many rows as the policy keeps, by formula; null if its fields are wrong. */
  #unwatchedCache(): HeldCache | null {
    const { run, runSharing, textTokens } = this;
    if (!run || !runSharing) return null;
    const { contextTokens } = run.dims;
    const completed = policyOfSettings(run.settings, {
      contextTokens,
      maxNewTokens: run.request.maxNewTokens,
    });
    if (!completed.ok) return null;
    const { dims, request } = run;
    const planning = { dims, precision: request.kvPrecision, policy: completed.policy, kernelRank: 0 };
    const stores = plannedStores({ ...planning, sharing: runSharing }, textTokens);
    return {
      textTokens,
      stores: stores.map(({ owner, ranges }) => ({
        owner,
        readers: runSharing.layers.flatMap(({ readsFrom }, layer) => (readsFrom === owner ? [layer] : [])),
        heads: [{ ranges, scores: null }],
      })),
    };
  }

  /** Whether the run had the settings that are set now, as far as they change what its caches hold. */
  readonly current: boolean = $derived.by(() => {
    if (!this.run) return false;
    const { settings, modelId, layerTypes } = this.run;
    const { config, plan } = this.#playground;
    const windowed = plan?.ok === true && plan.value.some((layer) => layer.windowed);
    const keys: readonly SettingKey[] = [
      ...keysWhere((row) => row.part === 'policy'),
      'kvPrecision',
      ...(windowed ? (['slidingWindow'] as const) : []),
    ];
    return (
      modelId === config.model &&
      layerTypes === config.layerTypes.trim() &&
      keys.every((key) => settings[key] === config[key])
    );
  });

  /** Tokens that the picture is wide: those of the run and of its end, or of a text that could be asked for. */
  readonly tokens: number = $derived.by(() => {
    const { config, facts } = this.#playground;
    return tokensToDraw({
      run: this.run && { ...this.run, textTokens: this.textTokens, writing: this.writing },
      prompt: config.prompt,
      maxNewTokens: config.maxNewTokens,
      contextTokens: facts?.dims.contextTokens ?? null,
      mostCells: this.#mostCells(),
    });
  });

  /** What the edited plan would hold of so many tokens; empty if it has a mistake. Bytes are known with the model. */
  readonly planned: readonly (Omit<PlannedStore, 'bytes'> & { readonly bytes: number | null })[] =
    $derived.by(() => {
      const { plan, facts, policy, config, kernels } = this.#playground;
      if (!plan?.ok) return [];
      const windowTokens = config.slidingWindow ?? Infinity;
      if (!facts || !policy || facts.dims.layerCount !== plan.value.length) {
        return plainCache(plan.value, windowTokens, this.tokens).stores.flatMap(({ owner, heads: [head] }) =>
          head ? { owner, rows: rowsOf(head), ranges: head.ranges, bytes: null } : [],
        );
      }
      const sharing = { layers: plan.value, windowTokens, forceNodiag: config.forceNodiag };
      const precision = config.kvPrecision;
      const kernelRank = kernels.chosen?.rank ?? 0;
      return plannedStores({ sharing, dims: facts.dims, precision, policy, kernelRank }, this.tokens);
    });

  /** Whether the caches hold what the settings ask for, so that there is nothing to outline. */
  readonly settled: boolean = $derived.by(() => this.current && this.held !== null && !this.writing);

  heldBy(layer: number): HeldStore | null {
    return this.held?.stores.find(({ owner }) => owner === layer) ?? null;
  }

  /** The bytes at the end of a layer's row: in use by the run, or planned; null if the layer holds nothing. */
  bytesOf(layer: number): number | null {
    const planned = this.planned.find(({ owner }) => owner === layer);
    if (!this.current || !this.held) return planned?.bytes ?? null;
    const used = this.run?.kv?.layers.find((each) => each.layer === layer);
    if (!used) return planned ? 0 : null;
    // Figures come a few times a second; the rows that were written since then are known.
    const [head] = this.heldBy(layer)?.heads ?? [];
    if (!this.writing || !head || used.rows === 0) return used.bytes;
    return ((used.bytes - used.stateBytes) / used.rows) * rowsOf(head) + used.stateBytes;
  }

  /** The sum of all rows; null while the model is not known. */
  readonly total: KvBytes | null = $derived.by(() => {
    if (this.current && this.held && this.run) {
      const bytes = this.writing ? this.trace.kvBytes : (this.run.kv?.bytes ?? this.trace.kvBytes);
      const plain = plainKvBytesPerToken(this.run.dims, this.run.request.kvPrecision);
      return { bytes, plainBytes: plain * this.held.textTokens };
    }
    const { facts, config } = this.#playground;
    if (!facts || this.planned.length === 0) return null;
    return {
      bytes: this.planned.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0),
      plainBytes: plainKvBytesPerToken(facts.dims, config.kvPrecision) * this.tokens,
    };
  });

  /** The policy of the run in words; null if it keeps everything. */
  readonly policyLabel: string | null = $derived.by(() => {
    const id = this.run?.request.policy.id ?? keepEverything.id;
    return id === keepEverything.id ? null : policyKind(id).label;
  });
}
