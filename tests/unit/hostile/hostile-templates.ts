import { withTokenizerConfig, type HostileCase } from './hostile-case.ts';

const grow = (times: number, start = 'aaaaaaaaaa') =>
  `{% set ns = namespace(x='${start}') %}{% for i in range(${times}) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}`;
const parts = (part: string, count: number, end = '') => `{{ ${part.repeat(count)}1${end.repeat(count)} }}`;

const BAD = /^The model's chat template cannot be used: /;

const templates: readonly (readonly [name: string, template: string, expected: HostileCase['expected']])[] = [
  ['doubles a text 60 times', `${grow(60)}{{ ns.x }}`, BAD],
  [
    'doubles a list 60 times',
    '{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}',
    BAD,
  ],
  [
    'loops in loops',
    '{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}x{% endfor %}{% endfor %}{% endfor %}',
    BAD,
  ],
  [
    'has macros that call each other',
    '{% macro f(n) %}{% if n > 0 %}{{ g(n-1) }}{{ g(n-1) }}{% endif %}{% endmacro %}{% macro g(n) %}{{ f(n) }}{{ f(n) }}{% endmacro %}{{ f(60) }}',
    BAD,
  ],
  ['replaces each letter by a million', `${grow(17)}{{ ns.x.replace('a', ns.x)|length }}`, BAD],
  ['replaces nothing by a million letters', `${grow(17)}{{ ns.x.replace('', ns.x)|length }}`, BAD],
  ['joins with a million letters', `${grow(17)}{{ range(9999)|join(ns.x)|length }}`, BAD],
  ['indents by a billion', '{{ "a\\nb\\nc"|indent(900000000)|length }}', BAD],
  ['indents JSON by 40,000', '{{ range(9999)|list|tojson(indent=40000)|length }}', BAD],
  ['multiplies a text by a billion', '{{ "ab" * 1000000000 }}', BAD],
  ['centers in a billion', '{{ "a"|center(1000000000) }}', BAD],
  ['formats into a billion', '{{ "%1000000000d"|format(1) }}', BAD],
  ['counts to a billion', '{{ range(1000000000)|length }}', BAD],
  ['steps by nothing', '{{ range(0, 10, 0)|length }}', BAD],
  ['slices by a ten-millionth', '{{ range(5)[0:5:0.0000001]|length }}', BAD],
  ['has 100,000 parentheses', parts('(', 100_000, ')'), BAD],
  ['denies 100,000 times', parts('not ', 100_000), BAD],
  ['negates 100,000 times', parts('-', 100_000), BAD],
  ['nests 10,000 conditions', `${'{% if true %}'.repeat(10_000)}x${'{% endif %}'.repeat(10_000)}`, BAD],
  ['chains 50,000 filters', `{{ "a"${'|trim'.repeat(50_000)} }}`, BAD],
  ['chains 50,000 attributes', `{{ messages${'.a'.repeat(50_000)} }}`, BAD],
  ['adds 50,000 times', `{{ 1${'+1'.repeat(50_000)} }}`, BAD],
  ['opens 499,999 braces', '{'.repeat(499_999), BAD],
  ['opens 240,000 comments', '{#'.repeat(240_000), BAD],
  ['has 600,000 letters', 'x'.repeat(600_000), BAD],
  ['writes 499,000 spaces', `${' '.repeat(499_000)}x`, /makes 499001 characters of this conversation/],
  ['writes the year 100,000 times', "{{ strftime_now('%Y'*100000) }}", /makes 400000 characters/],
  [
    'reaches for constructors',
    "{{ messages.constructor }}{{ ''.constructor.constructor('return process')() }}",
    BAD,
  ],
  ['reaches for prototypes', '{{ messages.__proto__.polluted }}', BAD],
  ['sets a prototype', '{% set messages[0].__proto__ = 1 %}', BAD],
  ['reaches by attr', "{{ messages|attr('constructor') }}x", 'loads'],
  ['groups by a prototype', "{{ [{'a':'__proto__'}]|groupby('a') }}", 'loads'],
  [
    'appends a list to itself',
    '{% set l = [] %}{% for i in range(5) %}{{ l.append(l) }}{% endfor %}{{ l }}',
    BAD,
  ],
  [
    'compares lists nested 40 deep',
    '{% set ns = namespace(l=[1]) %}{% for i in range(40) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l == ns.l }}',
    'loads',
  ],
  [
    'writes lists nested 40 deep',
    '{% set ns = namespace(l=[1]) %}{% for i in range(40) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}',
    BAD,
  ],
  ['splits a million letters', `${grow(17, 'a a a a a ')}{{ ns.x.split(' ')|length }}`, BAD],
  ['sorts again and again', '{{ range(9999)|list|sort|sort|sort|length }}', 'loads'],
  [
    'strips between spaces',
    `${grow(16, '          ')}{{ (ns.x ~ 'x' ~ ns.x ~ 'y').rstrip()|length }}`,
    'loads',
  ],
  ['refuses in a thousand letters', "{{ raise_exception('x' * 1000) }}", /refuses this conversation: x+/],
  [
    'refuses in HTML',
    "{{ raise_exception('<img src=x onerror=alert(1)>') }}",
    /refuses this conversation: <img/,
  ],
  ['ends within a tag', '{{ messages', BAD],
  ['ends within a text', '{{ "messages', BAD],
  ['imports', "{% import 'x' as y %}", BAD],
  ['includes', "{% include 'x' %}", BAD],
  ['writes nothing', '', /prompt: it is empty/],
  ['writes half a character', '{{ messages[0].content }}\0\uD800', 'loads'],
  ['breaks a loop', '{% for i in range(10) %}{% break %}{% endfor %}x', 'loads'],
];

/** Models whose chat template is hostile. */
export const hostileTemplates: readonly HostileCase[] = templates.map(([name, chat_template, expected]) => ({
  name: `a template that ${name}`,
  files: () => withTokenizerConfig({ chat_template }),
  chat: [{ role: 'user', content: 'hi' }],
  expected,
}));
