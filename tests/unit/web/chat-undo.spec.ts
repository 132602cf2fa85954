import { describe, expect, it } from 'vitest';
import { Chat } from '../../../web/playground/chat.svelte.ts';

function talked(): Chat {
  const chat = new Chat();
  chat.messages = [
    { role: 'user', content: 'Who lives there?' },
    { role: 'assistant', content: 'A fox.' },
  ];
  chat.draft = 'And then?';
  return chat;
}

describe('what a button removes from a chat', () => {
  it.each([
    ['conversation', (chat: Chat) => chat.clear(), 0],
    ['turn', (chat: Chat) => chat.editLast(), 0],
    ['answer', (chat: Chat) => chat.forgetAnswer(), 1],
  ] as const)('can be taken back: the %s', (what, remove, left) => {
    const chat = talked();
    const before = chat.messages;
    remove(chat);
    expect(chat.removed?.what).toBe(what);
    expect(chat.messages).toHaveLength(left);
    chat.undo();
    expect(chat.messages).toEqual(before);
    expect(chat.draft).toBe('And then?');
    expect(chat.removed).toBeNull();
  });

  it('is gone once the next message is sent', () => {
    const chat = talked();
    chat.clear();
    chat.submit();
    expect(chat.removed).toBeNull();
    chat.undo();
    expect(chat.messages).toEqual([{ role: 'user', content: 'And then?' }]);
  });

  it('is nothing if there was nothing', () => {
    const chat = new Chat();
    chat.clear();
    chat.forgetAnswer();
    expect(chat.removed).toBeNull();
  });
});
