/** The words of sharing and citing. */
export const words = {
  copyLink: 'Copy link',
  cite: 'Cite this run',
  link: 'Link',
  citation: 'Citation',
  copied: (what: string) => `${what} copied.`,
  notAllowed: 'The browser did not allow copying: copy the text below.',
  byHand: 'Text to copy',
  tooLong: (labels: readonly string[]) =>
    `Too long for a link: the ${labels.join(' and the ')}. Links, citations and the address carry everything else. Keep the text in a file and paste it after opening the link.`,
  folder:
    'This model was opened from a folder. A link carries the settings and the folder’s name. Whoever follows it has to open that folder on their own machine.',
} as const;

const notMeasured = 'not measured';

/** The lines of a citation. */
export const cited = {
  notMeasured,
  edition: (commit: string, model: string) => `kvtab ${commit}, model ${model}`,
  plan: (layerTypes: string, sharing: string) => `Plan: ${layerTypes}, ${sharing}`,
  precision: (settings: string) => `Precision: ${settings}`,
  sampling: (settings: string) => `Sampling: ${settings}`,
  adapter: (title: string, detail: string) => `Adapter: ${title}, ${detail}`,
  tokens: (prompt: number | null, fresh: number) => `Tokens: ${prompt ?? '?'} of prompt, ${fresh} new`,
  kv: (bytes: string | null) => `KV cache: ${bytes ?? notMeasured}`,
  kvBytes: (inUse: string, perToken: string) => `${inUse} in use, ${perToken} per token`,
  tokensPerSec: (speed: string) => `${speed} tokens/s`,
  speeds: (prefill: string, decode: string) => `Prefill: ${prefill}; decode: ${decode}`,
} as const;
