import type { FormName } from '../../worker/settings/setting.ts';

/** The lines of a citation. */
export const cited = {
  notMeasured: 'not measured',
  edition: (commit: string | null, model: string, modelCommit: string | null) =>
    `kvtab ${commit ?? '(build not recorded)'}, model ${model}${modelCommit === null ? '' : `, commit ${modelCommit}`}`,
  /** One line for each form of settings. */
  form: {
    sharing: (settings, layerTypes) => `Plan: ${layerTypes}, ${settings}`,
    policy: (settings) => `Cache: ${settings}`,
    precision: (settings) => `Precision: ${settings}`,
    sampling: (settings) => `Sampling: ${settings}`,
  } satisfies Readonly<Record<FormName, (settings: string, layerTypes: string) => string>>,
  captionModel: (model: string, layerTypes: string) => `Model ${model}; plan ${layerTypes}`,
  captionEdition: (version: string, commit: string) => `Drawn by kvtab ${version}, commit ${commit}`,
  adapter: (title: string, detail: string | null) =>
    `Adapter: ${title}${detail === null ? '' : `, ${detail}`}`,
  tokens: (prompt: number, fresh: number) => `Tokens: ${prompt} of prompt, ${fresh} new`,
  kv: (inUse: string, perToken: string) => `KV cache: ${inUse} in use, ${perToken} per token`,
  tokensPerSec: (speed: string) => `${speed} tokens/s`,
  ofRuns: (median: string, range: string, count: number) =>
    ` (median of ${count} runs of this set-up ${median}, ${range})`,
  speeds: (prefill: string, decode: string) => `Prefill: ${prefill}; decode: ${decode}`,
  prompt: (prompt: string, chat: boolean) =>
    chat ? `Last message of a chat, which the link does not carry: ${prompt}` : `Prompt: ${prompt}`,
} as const;
