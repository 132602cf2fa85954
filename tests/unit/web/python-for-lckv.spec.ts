import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { pythonForLckv, type PythonAsked } from '../../../web/panels/share/python-for-lckv.ts';
import { pythonString } from '../../../web/panels/share/python-string.ts';
import { defaultConfig } from '../../../web/settings/settings.ts';
import { planConfig } from '../../../worker/export/planned-config.ts';
import { parseModelConfig } from '../../../worker/loader/model-config.ts';
import { valueOf } from '../../../worker/outcome.ts';
import type { SharingConfig } from '../../../worker/protocol/load.ts';

const hostile = [
  'Once upon a time',
  'She said "no" and \'yes\', """three""" and \'\'\'three\'\'\'',
  'back\\slash, a trailing one\\',
  'lines\nand\r\ntabs\t, a NUL\0 and a bell\x07',
  'emoji 👩‍👩‍👧 and 🦊, zürich, 東京',
  '{braces} %s ${x} \\N{BULLET} \\u0041',
  'bidi \u202e reversed, \u2028 line, \ufeff mark, \u00a0 space',
  'half \ud800 a pair, and the other \udc00',
  '"); import os; os.system("echo")  # ',
];

/** What Python reads from literals, as code points; null if there is no Python here. */
function readByPython(program: string): Readonly<Record<string, readonly number[]>> | null {
  const reader = [
    'import ast, json, sys',
    'tree = ast.parse(sys.stdin.buffer.read().decode("utf-8"))',
    'found = {}',
    'for node in tree.body:',
    '    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Constant):',
    '        if isinstance(node.value.value, str):',
    '            found[node.targets[0].id] = [ord(c) for c in node.value.value]',
    'print(json.dumps(found))',
  ].join('\n');
  const { status, stdout, stderr, error } = spawnSync('python3', ['-c', reader], { input: program });
  if (error) return null;
  expect(status, String(stderr)).toBe(0);
  return JSON.parse(String(stdout)) as Record<string, number[]>;
}

/** Code points, with half pairs by themselves. */
const points = (text: string) => Array.from(text, (character) => character.codePointAt(0) ?? 0);

/** Reads a literal as Python's grammar says, for machines without Python. */
function readLiteral(literal: string): string {
  expect(literal).toMatch(
    /^"(?:[^"\\\n\r]|\\(?:["\\nrt]|x[0-9a-f]{2}|u[0-9a-f]{4}|U000?[01]?[0-9a-f]{5,6}))*"$/u,
  );
  const short: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };
  return literal.slice(1, -1).replace(/\\(?:[xuU]([0-9a-f]{2,8})|(.))/g, (_, code?: string, one = '') => {
    return code === undefined
      ? (short[one as string] ?? (one as string))
      : String.fromCodePoint(parseInt(code, 16));
  });
}

function asked(name: string, changes: Partial<SharingConfig> = {}, values = {}): PythonAsked {
  const folder = name.startsWith('fairy') ? `public/models/${name}/config` : `tests/fixtures/configs/${name}`;
  const configText = readFileSync(`${folder}.json`, 'utf8');
  const config = valueOf(parseModelConfig(JSON.parse(configText)));
  const planned = planConfig({ config, configText }, changes);
  const readsOf = (layerTypes: string) => layerTypes.split('_').map((entry) => parseInt(entry, 10));
  const wanted = { ...config.stored, ...changes };
  return {
    config: { ...defaultConfig, ...wanted, model: name, ...values },
    planned,
    brought: null,
    messages: null,
    reads: { stored: readsOf(config.stored.layerTypes), wanted: readsOf(wanted.layerTypes) },
  };
}

const lines = (request: PythonAsked) => pythonForLckv(request).split('\n');

describe('A Python literal', () => {
  it.each(hostile)('says the same text, on one line of visible characters: %j', (text) => {
    const literal = pythonString(text);
    expect(literal).not.toMatch(/[\n\r\u2028\u2029\u202e\ufeff\0]/);
    expect(readLiteral(literal)).toBe(text);
    const read = readByPython(`TEXT = ${literal}\n`);
    if (read) expect(read['TEXT']).toEqual(points(text));
  });
});

describe('Python for LCKV', () => {
  it.each(hostile)('parses, and holds the prompt and config.json as they are: %j', (prompt) => {
    const request = asked('fairy-lckv', { layerTypes: '0_1_5_5_5_5_6_7' }, { prompt });
    const program = pythonForLckv(request);
    const literal = /^PROMPT = (.*)$/m.exec(program)?.[1] ?? '';
    expect(readLiteral(literal)).toBe(prompt);
    const read = readByPython(program);
    if (read) expect(read['PROMPT']).toEqual(points(prompt));
    const json = readLiteral(/^CONFIG = json\.loads\((.*)\)$/m.exec(program)?.[1] ?? '');
    expect(JSON.parse(json)).toEqual(JSON.parse(request.planned.text));
  });

  it('continues a conversation, and not the prompt beside it', () => {
    const messages = hostile.map(
      (content, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content }) as const,
    );
    const program = pythonForLckv({ ...asked('fairy-lckv'), messages });
    const json = readLiteral(/^MESSAGES = json\.loads\((.*)\)$/m.exec(program)?.[1] ?? '');
    expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(messages)));
    expect(program).toContain('inputs = tokenizer.apply_chat_template(MESSAGES, add_generation_prompt=True');
    expect(program).not.toContain('PROMPT');
    readByPython(program);
  });

  it('loads a checkpoint under its own plan as it is', () => {
    const program = lines(asked('fairy-lckv'));
    expect(program).toContain('import models  # registers lckv-llama');
    expect(program).toContain('MODEL = "public/models/fairy-lckv"');
    expect(program.join('\n')).toContain('AutoModelForCausalLM.from_pretrained(**place, config=config');
    expect(program.join('\n')).not.toContain('WANTED');
  });

  it('needs only transformers for a plain LLaMA, and LCKV’s code as soon as layers share', () => {
    expect(lines(asked('fairy-llama')).join('\n')).not.toContain('import models');
    const shared = lines(asked('fairy-llama', { layerTypes: '0_6_6_6_6_6_6_7' }));
    expect(shared).toContain('import models  # registers lckv-llama');
    expect(shared).toContain('STORED = [0, 1, 2, 3, 4, 5, 6, 7]');
    expect(shared).toContain('WANTED = [0, 6, 6, 6, 6, 6, 6, 7]');
  });

  it('draws with the same sampling, in the numbers that transformers takes', () => {
    const values = {
      temperature: 1,
      topK: 40,
      topP: 0.9,
      minP: 0.05,
      repetitionPenalty: 1,
      seed: 7,
      maxNewTokens: 33,
    };
    const drawn = lines(asked('fairy-lckv', {}, values)).map((line) => line.trim());
    for (const line of ['do_sample=True,', 'temperature=1.0,', 'top_k=40,', 'top_p=0.9,', 'min_p=0.05,']) {
      expect(drawn).toContain(line);
    }
    expect(drawn).toContain('set_seed(7)');
    expect(drawn).toContain('max_new_tokens=33,');
    const greedy = lines(asked('fairy-lckv', {}, { ...values, temperature: 0 })).map((line) => line.trim());
    expect(greedy).toContain('do_sample=False,');
    expect(greedy.join('\n')).not.toMatch(/temperature|Draws differ/);
  });

  it('sets the mode, and says which cache policy it leaves out', () => {
    const modeOf = (mode: string, policy = 'all') => {
      const program = pythonForLckv(
        asked('fairy-lckv', {}, { mode, ...(policy === 'all' ? {} : { policy }) }),
      );
      const json = readLiteral(/^CONFIG = json\.loads\((.*)\)$/m.exec(program)?.[1] ?? '');
      return { program, sequential: (JSON.parse(json) as Record<string, unknown>)['use_sequential'] };
    };
    expect(modeOf('sequential').sequential).toBe(true);
    expect(modeOf('parallel').sequential).toBe(false);
    expect(modeOf('auto').program).not.toContain('left out');
    expect(modeOf('auto', 'h2o').program).toContain('# The cache policy h2o is left out');
  });

  it('names a repository at its commit, its server, and a folder', () => {
    const request = asked('tinyllama-chat');
    const hub = { from: 'hub', endpoint: defaultConfig.endpoint, token: null, keep: true } as const;
    const config = { ...request.config, model: 'owner/name@v1' };
    const at = (brought: PythonAsked['brought'], changes = {}) =>
      lines({ ...request, config: { ...config, ...changes }, brought });
    expect(at({ ...hub, id: 'owner/name@v1' }).join('\n')).toContain('"revision": "v1"');
    const mirror = at({ ...hub, id: 'owner/name@v1', endpoint: 'https://mirror.example', commit: 'c0ffee0' });
    expect(mirror).toContain('MODEL = "owner/name"');
    expect(mirror).toContain('os.environ["HF_ENDPOINT"] = "https://mirror.example"');
    expect(mirror.join('\n')).toContain('"revision": "c0ffee0"');
    expect(mirror.indexOf('import os')).toBeLessThan(
      mirror.findIndex((line) => line.startsWith('from transformers')),
    );
    const files = { from: 'files', id: 'folder:mine', files: new Map<string, Blob>() } as const;
    expect(at(files, { model: 'folder:mine' })).toContain('MODEL = "mine"');
    for (const program of [mirror, at(files, { model: 'folder:mine' })]) readByPython(program.join('\n'));
  });
});

describe('config.json under a plan', () => {
  it('keeps the type of the weights, and says who reads it', () => {
    const { planned } = asked('tinyllama-chat', {
      layerTypes: ['0', ...Array<string>(20).fill('20'), '21'].join('_'),
    });
    expect(planned).toMatchObject({ readBy: 'lckv', storedType: 'llama' });
    expect(JSON.parse(planned.text)).toMatchObject({ model_type: 'lckv-llama', torch_dtype: 'bfloat16' });
    expect(asked('fairy-lckv', { layerTypes: '0_1_2_3_4_5_6_7' }).planned).toMatchObject({
      readBy: 'transformers',
    });
    expect(
      asked('qwen3-0.6b', { layerTypes: ['0', ...Array<string>(27).fill('26')].join('_') }).planned.readBy,
    ).toBe('kvtab');
  });
});
