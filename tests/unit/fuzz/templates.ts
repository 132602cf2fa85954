/** Chat templates at random: pieces of Jinja that may fit together, and edited templates of real models. */
import families from '../../fixtures/chat-templates/families.json' with { type: 'json' };
import features from '../../fixtures/chat-templates/features.json' with { type: 'json' };
import { edits, editText } from './edits.ts';
import { fc } from '../../support/seeded-properties.ts';

const atoms = [
  ...[
    'messages',
    'message',
    'm',
    'm.role',
    "m['content']",
    'loop.index',
    'loop.first',
    'x',
    'ns',
    'ns.x',
    'none',
  ],
  ...[
    'true',
    '0',
    '1',
    '-1',
    '2.5',
    '1e308',
    '9007199254740993',
    "''",
    "'a'",
    "'😀'",
    "'\\n'",
    '[]',
    '{}',
    '[1, 2]',
  ],
  ...[
    "{'a': 1}",
    'bos_token',
    'undefined_name',
    'range(3)',
    'range(99999)',
    'namespace(x=1)',
    'cycler(1, 2)',
  ],
  ...['namespace', 'dict(a=1)', 'loop', 'm.constructor', 'm.__proto__', 'strftime_now'],
];
const filters = [
  ...[
    'trim',
    'length',
    'upper',
    'list',
    'first',
    'last',
    'join',
    'tojson',
    'string',
    'int',
    'float',
    'sort',
    'unique',
  ],
  ...[
    'reverse',
    'items',
    'dictsort',
    'safe',
    'title',
    'capitalize',
    'abs',
    'default(1)',
    "replace('', 'aa')",
    'indent',
  ],
  ...[
    "join('--')",
    "map('upper')",
    "selectattr('role')",
    "groupby('role')",
    'batch(2)',
    'slice(3)',
    'sum',
    'min',
  ],
  ...['max', 'round', 'wordcount', 'center(99)', 'tojson(indent=4)', "attr('role')", 'nothing'],
];
const operators = [
  '+',
  '-',
  '*',
  '/',
  '//',
  '%',
  '**',
  '~',
  '==',
  '!=',
  '<',
  '>=',
  'in',
  'not in',
  'and',
  'or',
  'is',
];
const endings = [
  '.x',
  '[0]',
  '[-1]',
  '[::-1]',
  '[1:2:3]',
  '()',
  ".split(' ')",
  '.strip()',
  '.items()',
  ' is defined',
];

const expression: fc.Arbitrary<string> = fc.letrec<{ expression: string }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom(...atoms),
    fc.tuple(tie('expression'), fc.constantFrom(...filters)).map(([inner, filter]) => `${inner}|${filter}`),
    fc
      .tuple(tie('expression'), fc.constantFrom(...operators), tie('expression'))
      .map(([left, operator, right]) => `(${left} ${operator} ${right})`),
    fc.tuple(tie('expression'), fc.constantFrom(...endings)).map(([inner, ending]) => inner + ending),
    fc.tuple(tie('expression'), tie('expression')).map(([a, b]) => `[${a}, ${b}]`),
    fc
      .tuple(tie('expression'), tie('expression'), tie('expression'))
      .map(([a, b, c]) => `(${a} if ${b} else ${c})`),
  ),
})).expression;

const template: fc.Arbitrary<string> = fc.letrec<{ template: string }>((tie) => ({
  template: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom(
      '',
      ' ',
      '\n',
      'text',
      '{#',
      '-#}',
      '{{',
      '%}',
      '{%- endif %}',
      '{% endfor %}',
      '{% raw %}',
    ),
    expression.map((value) => `{{ ${value} }}`),
    expression.map((value) => `{%- set x = ${value} -%}`),
    expression.map((value) => `{% set ns.x = ${value} %}`),
    fc.tuple(tie('template'), tie('template')).map(([a, b]) => a + b),
    fc
      .tuple(expression, tie('template'))
      .map(([value, inner]) => `{% for m in ${value} %}${inner}{% endfor %}`),
    fc
      .tuple(expression, tie('template'))
      .map(([value, inner]) => `{% if ${value} %}${inner}{% else %}n{% endif %}`),
    tie('template').map((inner) => `{% macro x(m) %}${inner}{% endmacro %}{{ x(x) }}`),
    fc
      .tuple(tie('template'), fc.constantFrom('upper', 'trim', 'tojson', 'indent'))
      .map(([inner, filter]) => `{% filter ${filter} %}${inner}{% endfilter %}`),
  ),
})).template;

const real = [...families, ...features].map((each) => each.template);

export const templates: fc.Arbitrary<string> = fc.oneof(
  template.map((text) => `{% set ns = namespace(x='a') %}${text}`),
  fc.tuple(fc.constantFrom(...real), edits(4)).map(([text, changes]) => changes.reduce(editText, text)),
);
