import { describe, expect, it } from 'vitest';
import { Refused } from '../../../worker/outcome.ts';
import { openTask } from '../../../worker/laboratory/tasks/open-task.ts';
import { argmax } from '../../../worker/laboratory/tasks/task-metrics.ts';
import { applyTemplate, literal } from '../../../worker/laboratory/tasks/task-template.ts';
import { readTask } from '../../../worker/laboratory/tasks/task-file.ts';

const head = `task: quiz
dataset_path: json
dataset_kwargs: {data_files: {validation: quiz.jsonl, train: examples.jsonl}}
validation_split: validation
`;
const files: Readonly<Record<string, string>> = {
  'quiz.jsonl': [
    { q: 'Who?', options: ['a king', 'a fox'], a: 1 },
    { q: 'Where?', options: ['here', 'there'], a: 0 },
  ]
    .map((each) => JSON.stringify(each))
    .join('\n'),
  'examples.jsonl': JSON.stringify({ q: 'What?', options: ['this', 'that'], a: 1 }),
};
const open = (yaml: string) =>
  openTask(head + yaml, 'quiz.yaml', (name) => Promise.resolve(files[name] ?? null));

const refusalOf = async (yaml: string): Promise<string> => {
  try {
    await open(yaml);
  } catch (error) {
    if (error instanceof Refused && error.failure.code === 'bad-request') {
      return `${error.failure.field}: ${error.failure.reason}`;
    }
    throw error;
  }
  return 'it was read';
};

const choices = `output_type: multiple_choice
doc_to_text: q
doc_to_target: a
doc_to_choice: options
`;

describe('A task file', () => {
  it('becomes contexts and choices, with the delimiter before each choice', async () => {
    const { items } = await open(choices);
    expect(items[0]?.requests).toEqual([
      { context: 'Who?', continuation: ' a king' },
      { context: 'Who?', continuation: ' a fox' },
    ]);
    expect(items.map(({ gold }) => gold)).toEqual([[1], [0]]);
  });

  it('puts its description and the first examples before every context', async () => {
    const { items } = await open(`${choices}description: "Answer.\\n"
num_fewshot: 1
fewshot_split: train
training_split: train
fewshot_config: {sampler: first_n}
target_delimiter: " -> "
fewshot_delimiter: " ## "
`);
    expect(items[1]?.requests[0]).toEqual({
      context: 'Answer.\nWhat? -> that ## Where?',
      continuation: ' -> here',
    });
  });

  it('scores every choice alone too, with its delimiter, if mutual information is asked for', async () => {
    const { items } = await open(`${choices}metric_list: [{metric: acc_mutual_info}]\n`);
    expect(items[0]?.requests.slice(2)).toEqual([
      { context: '', continuation: ' a king' },
      { context: '', continuation: ' a fox' },
    ]);
  });

  it('takes choices for contexts if the text is a number', async () => {
    const { items } = await open(`output_type: multiple_choice
doc_to_text: "{{ a }}"
doc_to_target: "{{ q }}"
doc_to_choice: "{{ [q ~ options[0], q ~ options[1]] }}"
`);
    expect(items[0]).toMatchObject({
      choosesContext: true,
      gold: [1],
      requests: [
        { context: 'Who?a king', continuation: ' Who?' },
        { context: 'Who?a fox', continuation: ' Who?' },
      ],
    });
  });

  it.each([
    ['doc_to_text: !function utils.doc_to_text\n', /quiz\.yaml: !function utils\.doc_to_text names code/],
    ['process_docs: utils.clean\n', /quiz\.yaml\.process_docs: .*code of Python/],
    ['doc_to_text: !!python/name:os.system\n', /python\/name:os\.system.* names code/],
    [`${choices}metric_list: [{metric: bleu}]\n`, /metric_list\.metric: "bleu" is none of acc/],
    [`${choices}metric_list: [{metric: acc, hf_evaluate: true}]\n`, /hf_evaluate: metrics of other packages/],
    [`${choices}num_fewshot: 2\n`, /fewshot_config: the sampler "default"/],
    [`${choices}nonsense: 1\n`, /nonsense: there is no such field/],
    [`${choices}filter_list: [{name: x, filter: [{function: regex}]}]\n`, /filter_list: .*only take_first/],
    [
      'output_type: multiple_choice\ndoc_to_text: q\ndoc_to_choice: options\n',
      /quiz\.doc_to_target: the field is missing/,
    ],
    ['doc_to_text: "{{ nobody }}"\ndoc_to_target: q\n', /nobody is undefined/],
    ['doc_to_text: [\n', /it is not YAML/],
  ])('is refused by name: %j', async (yaml, reason) => {
    expect(await refusalOf(yaml)).toMatch(reason);
  });

  it('names the data file that is not beside it', async () => {
    const yaml = head.replace('quiz.jsonl', 'gone.jsonl') + choices;
    await expect(openTask(yaml, 'quiz.yaml', () => Promise.resolve(null))).rejects.toThrow(
      /gone\.jsonl is not beside it/,
    );
  });

  it('reads data from beside it alone', () => {
    expect(() => readTask(head.replace('quiz.jsonl', '../../secret.jsonl') + choices, 'quiz.yaml')).toThrow(
      /not the name of a file beside/,
    );
    expect(() => readTask(head.replace('path: json', 'path: cais/mmlu') + choices, 'quiz.yaml')).toThrow(
      /would be downloaded/,
    );
  });

  it('cannot grow by aliases of aliases', () => {
    const bomb = Array.from(
      { length: 30 },
      (_, i) => `a${i}: &a${i} [${i ? `*a${i - 1}, *a${i - 1}` : 'x'}]`,
    );
    expect(() => readTask(bomb.join('\n'), 'bomb.yaml')).toThrow(/alias/);
  });
});

describe('Templates', () => {
  const apply = (template: string, document = {}) => applyTemplate(template, document, 'doc_to_text');

  it('keep every newline, as the harness sets up jinja2', () => {
    expect(apply('Q: {{ q }}\n{% if true %}\nA:{% endif %}\n', { q: 1 })).toBe('Q: 1\n\nA:\n');
  });

  it('refuse what is undefined, unless they ask for it', () => {
    expect(() => apply('{{ x }}')).toThrow(/x is undefined/);
    expect(() => apply('{% for y in x %}{% endfor %}')).toThrow(/x is undefined/);
    expect(() => apply('{{ x == 1 }}')).toThrow(/x is undefined/);
    expect(apply('{{ x | default("no") }}{{ x is defined }}')).toBe('noFalse');
  });

  it('know list.index and regex_replace', () => {
    expect(apply('{{ l.index("b") }}', { l: ['a', 'b'] })).toBe('1');
    expect(apply(String.raw`{{ t | regex_replace('(\\w+)@(\\w+)', '\\2 at \\1') }}`, { t: 'fox@wood' })).toBe(
      'wood at fox',
    );
    expect(apply("{{ t | regex_replace('o', '0', 1) }}", { t: 'foo' })).toBe('f0o');
    expect(() => apply("{{ t | regex_replace('(?P<x>o)', '0') }}", { t: 'foo' })).toThrow(/Python's alone/);
  });

  it('give lists as Python writes and reads them', () => {
    const text = apply('{{ [q, 1.5, none, true, {"a": [1]}] }}', { q: 'it\'s "so"\n' });
    expect(literal(text, 'doc_to_choice')).toEqual(['it\'s "so"\n', 1.5, null, true, { a: [1] }]);
    expect(() => literal('__import__("os")', 'doc_to_choice')).toThrow(/undefined/);
  });
});

it('The best choice is the first of equals, and NaN beats everything, as in numpy', () => {
  expect(argmax([-2, -1, -1])).toBe(1);
  expect(argmax([-1, NaN, 5])).toBe(1);
  expect(argmax([])).toBe(-1);
});
