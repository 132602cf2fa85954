/** The words of the chat, apart because they come with its code, after the first view. */
export const chatWords = {
  instructions: 'Instructions',
  turns: 'Turns',
  conversation: 'Conversation',
  message: 'Message',
  send: 'Send',
  answerAgain: 'Answer again',
  editLast: 'Edit last message',
  newChat: 'New chat',
  removed: {
    conversation: 'The conversation was removed.',
    turn: 'The last turn was removed.',
    answer: 'The last answer was replaced.',
  },
  undo: 'Undo removing',
  sends: 'sends',
  startsLine: 'starts a new line',
  speakers: { system: 'Instructions', user: 'You', assistant: 'Model' },
  context: 'Context',
  read: (newTokens: string) => `Read ${newTokens}.`,
  readAll: (newTokens: string, kept: string) =>
    `Read ${newTokens}; the KV of ${kept} earlier tokens was kept.`,
  readSome: (newTokens: string, kept: string, held: string) =>
    `Read ${newTokens}; ${kept} of ${held} kept tokens were reused, because the conversation changed after them.`,
  readAgain: (tokens: string) =>
    `Read the conversation again from its start, ${tokens}: it changed, or was stopped, and a cache that has evicted cannot go back.`,
  outgrows: (tokens: string, contextTokens: string) =>
    `Next turn: ${tokens}. The text may outgrow the ${contextTokens} of the model’s context: the policy counts positions within the cache.`,
  nextTurn: (tokens: string, newTokens: string, contextTokens: string) =>
    `Next turn: ${tokens} and up to ${newTokens} new, of ${contextTokens}.`,
  nextTurnTooLong: (tokens: string, newTokens: string, contextTokens: string) =>
    `The next turn would have ${tokens} and up to ${newTokens} new, but this model was made for ${contextTokens}; past them the text falls apart. Ask for fewer new tokens, shorten the conversation, or start a new one.`,
} as const;
