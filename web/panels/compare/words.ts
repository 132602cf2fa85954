/** The words of the comparison. */
export const words = {
  about: (most: number) =>
    `Two to ${most} configurations continue the prompt above with the current seed and sampling, one after the other on the one GPU. Every other configuration then reads the text of the first one, token by token, to show where it would have continued differently.`,
  add: 'Add current settings',
  compare: 'Compare',
  howTo: 'Set up the first configuration on this page and add it. Then change the settings and add the next.',
  configuration: (number: number) => `Configuration ${number}`,
  remove: (number: number) => `Remove configuration ${number}`,
  comparing: 'Comparing',
  comparingOf: (number: number, count: number) => `Comparing: ${number} of ${count}`,
  kvPerToken: 'KV per token',
  kvInUse: 'KV in use',
  prefillTime: 'Prefill time',
  prefill: (milliseconds: number, mode: string) => `${milliseconds} ms, ${mode}`,
  decodeSpeed: 'Decode speed',
  speed: (tokensPerSec: string) => `${tokensPerSec} tokens/s`,
  agreement: 'Top-1 agreement',
  meanKl: 'KL, mean',
  nats: (nats: string) => `${nats} nats`,
  first: 'The others are compared with this one.',
  common: (percent: string) => `${percent} of this text is in the first one too. The rest is marked.`,
} as const;
