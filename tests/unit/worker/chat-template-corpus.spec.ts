import { describe, expect, it } from 'vitest';
import answers from '../../fixtures/chat-templates/answers.json' with { type: 'json' };
import conversations from '../../fixtures/chat-templates/conversations.json' with { type: 'json' };
import families from '../../fixtures/chat-templates/families.json' with { type: 'json' };
import features from '../../fixtures/chat-templates/features.json' with { type: 'json' };
import { attempt } from '../../../worker/outcome.ts';
import type { ChatMessage } from '../../../worker/protocol/generate.ts';
import { renderChat } from '../../../worker/text/chat-template.ts';

/** The time at which the answers were made (tools/chat-templates/render_chat_templates.py). */
const now = () => new Date(2026, 10, 5, 15, 4, 7);
const tokens = { bos_token: '<s>', eos_token: '</s>' };

/** What transformers renders. Null if it refuses the conversation. */
const expected: Readonly<Record<string, readonly (string | null)[]>> = answers;

describe.each([
  ['of a family', families],
  ['with a feature of the language', features],
])('A chat template %s', (_, templates) => {
  it.each(templates)('renders the same as transformers: $name', ({ name, template }) => {
    const rendered = (conversations as readonly (readonly ChatMessage[])[]).map((messages) => {
      const outcome = attempt(() => renderChat(template, messages, tokens, now));
      return outcome.ok ? outcome.value : null;
    });
    expect(rendered).toEqual(expected[name]);
  });
});
