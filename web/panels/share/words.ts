/** The words of sharing and citing. */
export const words = {
  copyLink: 'Copy link',
  cite: 'Cite this run',
  copyRequest: 'Copy as a headless request',
  copyConfig: 'Copy config.json',
  copyPython: 'Copy Python for LCKV',
  needsModel: 'A model has to be loaded, and the plan without mistakes.',
  configCopied: {
    transformers: 'config.json for transformers',
    lckv: 'config.json for LCKV’s code',
    kvtab: 'config.json, which only this page reads,',
  },
  python: 'Python',
  nothingSaid: 'Send a message first: there is no conversation to copy.',
  noPython:
    'There is no Python for this: LCKV’s code has no Qwen with shared layers, and transformers shares no layers.',
  link: 'Link',
  citation: 'Citation',
  request: 'Request',
  printed: {
    label: 'Printed run',
    edition: (version: string, commit: string, time: string) =>
      `Printed from kvtab ${version}, commit ${commit}${time === '' ? '' : `; the run ended ${time}`}`,
    prompt: 'Prompt:',
    plan: 'Plan:',
    planOf: (layerTypes: string, model: string) => `${layerTypes} of ${model}.`,
    changed: (layerTypes: string, model: string) =>
      `Since the run the settings have changed: the figures before a run, and the picture, are those of ${layerTypes} of ${model}.`,
    longLink: 'The link of this run is too long for paper: copy it with “Cite this run”.',
  },
  tooLong: (labels: readonly string[]) =>
    `Too long for a link: the ${labels.join(' and the ')}. Links, citations and the address carry everything else. Keep the text in a file and paste it after opening the link.`,
  folder:
    'This model was opened from a folder. A link carries the settings and the folder’s name. Whoever follows it has to open that folder on their own machine.',
} as const;
