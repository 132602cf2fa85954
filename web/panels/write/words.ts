/** The words of the prompt and the output. Labels that are spoken as names are public: tests and people rely on them. */
export const words = {
  modes: {
    legend: 'Prompt as',
    text: 'Text',
    chat: 'Chat',
    noTemplate: (model: string) => `${model} has no chat template: open a chat model.`,
  },
  prompt: {
    label: 'Prompt',
    generate: 'Generate',
    stop: 'Stop',
    loadNow: 'Load the model',
    runs: 'runs',
    stops: 'stops',
    correctFirst: (fields: string) => `Correct first: ${fields}.`,
    /** `about` is set if the tokens of the prompt are estimated. */
    tooLong: (about: boolean, promptTokens: string, newTokens: string, contextTokens: string) =>
      `The prompt (${about ? 'about ' : ''}${promptTokens}) and ${newTokens} exceed the ${contextTokens} that this model was made for; past them the text falls apart.`,
  },
  output: {
    label: 'Output',
    gallery: 'Examples',
    placeholder: 'The continuation will appear here.',
    endOf: (hidden: string, end: string) => `[${hidden} of the prompt are not shown] …${end}`,
  },
} as const;
