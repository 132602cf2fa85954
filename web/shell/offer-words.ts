/** What the page says of the sampling that a model's authors suggest. */
export const offerWords = {
  suggest: (values: string) => `The model's authors suggest ${values}.`,
  source: 'Their generation_config.json says so; what it leaves out has the defaults of transformers.',
  greedy:
    'Temperature 0 takes the likeliest token each time: in transformers, a generation_config.json means that unless it says do_sample: true.',
  use: 'Use',
  keep: 'Keep mine',
} as const;
