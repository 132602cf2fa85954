import { describe, expect, it } from 'vitest';
import { attempt, valueOf } from '../../../worker/outcome.ts';
import type { ChatMessage } from '../../../worker/protocol/generate.ts';
import { findTemplate, specialTokens } from '../../../worker/text/chat-files.ts';
import { renderChat } from '../../../worker/text/chat-template.ts';

const hello: readonly ChatMessage[] = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'Hello' },
];
const tokens = { bos_token: '<s>', eos_token: '</s>' };
const render = (template: string, messages = hello) => attempt(() => renderChat(template, messages, tokens));

describe('A chat template', () => {
  it('writes a conversation up to the start of the reply', () => {
    const template =
      "{{ bos_token }}{%- for message in messages %}\n<|{{ message['role'] }}|>{{ message.content | trim }}{{ eos_token }}\n{%- endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}";
    expect(valueOf(render(template))).toBe('<s><|system|>Be brief.</s><|user|>Hello</s><|assistant|>');
  });

  it('can use what templates need: macros, namespaces, ranges, dates, filters', () => {
    const template =
      "{% macro say(x) %}[{{ x | upper }}]{% endmacro %}{% set ns = namespace(n=0) %}{% for i in range(3) %}{% set ns.n = ns.n + i %}{% endfor %}{{ say('a') }}{{ ns.n }}{{ strftime_now('%Y') | length }}{{ messages | map(attribute='role') | join(',') }}{{ tools is defined }}";
    expect(valueOf(render(template))).toBe('[A]34system,userTrue');
  });

  it('can refuse a conversation with a message of its own', () => {
    const template =
      "{% if messages[0].role == 'system' %}{{ raise_exception('No system role') }}{% endif %}{{ 1 }}";
    expect(render(template)).toMatchObject({
      failure: { code: 'bad-template', reason: 'it refuses this conversation: No system role' },
    });
    expect(valueOf(render(template, hello.slice(1)))).toBe('1');
  });

  it('copies the content of messages unchanged: markup, braces, prototypes', () => {
    const content = '<img src=x onerror=alert(1)> {{ 7 * 7 }} {% raw %} __proto__';
    const outcome = render('{{ messages[0].content }}', [{ role: 'user', content }]);
    expect(valueOf(outcome)).toBe(content);
  });

  it('quotes half a surrogate pair for an address', () => {
    expect(valueOf(render("{{ '\\ud800' | urlencode }}"))).toBe('%EF%BF%BD');
  });

  it('neither reads nor changes a prototype', () => {
    const template =
      "{% set ns = namespace() %}{% set ns.__proto__ = {'polluted': 1} %}{% set ns.constructor = 1 %}{{ messages['__proto__'] }}{{ messages[0].__proto__ }}{{ {}.polluted }}";
    expect(valueOf(render(template))).toBe('');
    expect(Object.prototype).not.toHaveProperty('polluted');
  });

  const doubling = `{% set x = namespace(s='ab') %}${'{% set x.s = x.s + x.s %}'.repeat(60)}{{ x.s }}`;
  it.each([
    ['counts to a billion', '{% for i in range(1000000000) %}{{ i }}{% endfor %}'],
    [
      'nests long loops',
      '{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{{ i }}{% endfor %}',
    ],
    ['calls itself', '{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}'],
    ['keeps doubling a string', doubling],
    ['keeps doubling a list', `{% set x = namespace(s=[1]) %}${'{% set x.s = x.s + x.s %}'.repeat(60)}`],
    ['indents by millions', "{{ ('a\\n' ~ 'b') | indent(400000000) }}"],
    [
      'replaces the empty string with a long one',
      `{% set a = 'x' | indent(3999999, true) %}{{ a | replace('', a) }}`,
    ],
    ['nests deeper than the stack', `${'{% if true %}'.repeat(20_000)}x${'{% endif %}'.repeat(20_000)}`],
    ['opens brackets without end', `{{ ${'('.repeat(100_000)}`],
    ['contains itself', '{% set n = namespace(a=1) %}{% set n.b = n %}{{ n | tojson }}{{ n.b.b.b.c.d }}'],
    ['prints what contains itself', '{% set n = namespace() %}{% set n.b = [n] %}{{ n }}{{ n.b == n.b }}'],
    [
      'chains 10,000 generators',
      "{% set n = namespace(g=[1]) %}{% for i in range(10000) %}{% set n.g = n.g | map('string') %}{% endfor %}{{ n.g | list }}",
    ],
    ['counts beyond 2^53', '{{ 9007199254740991 + 2 }}'],
    ['accesses the constructor', '{{ messages.constructor.constructor("return this")() }}'],
    ['is not a template', '{% for %}'],
    ['is too long', 'x'.repeat(600_000)],
  ])('that %s soon fails as bad-template', (_, template) => {
    const startMs = performance.now();
    expect(render(template)).toMatchObject({ ok: false, failure: { code: 'bad-template' } });
    expect(performance.now() - startMs).toBeLessThan(4000);
  });

  it('is a string or one of several named ones. Special tokens are strings or objects', () => {
    expect(findTemplate('x')).toBe('x');
    const named = [
      { name: 'tool_use', template: 't' },
      { name: 'default', template: 'd' },
    ];
    expect(findTemplate(named)).toBe('d');
    expect(findTemplate(named.slice(0, 1))).toBe('t');
    expect(findTemplate({ tool_use: 't', default: 'd' })).toBe('d');
    for (const none of [undefined, null, 7, [], [{ name: 'default' }], {}])
      expect(findTemplate(none)).toBeNull();
    const config = { bos_token: '<s>', eos_token: { content: '</s>' }, pad_token: null, unk_token: 3 };
    expect(specialTokens(config)).toEqual({ bos_token: '<s>', eos_token: '</s>' });
  });
});
