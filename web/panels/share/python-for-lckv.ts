import { keepEverything } from '../../../gpu/kv/policies/keep-everything.ts';
import { SMALLEST_TEMPERATURE } from '../../../gpu/plan/sampling.ts';
import { HEALED_ENDPOINT } from '../../../worker/endpoint.ts';
import type { PlannedConfig } from '../../../worker/protocol/export.ts';
import type { ChatMessage } from '../../../worker/protocol/generate.ts';
import type { BroughtModel } from '../../../worker/protocol/load.ts';
import { folderName } from '../../models/opened-files.ts';
import { defaultConfig, type PlaygroundConfig } from '../../settings/settings.ts';
import { pythonString } from './python-string.ts';

export interface PythonAsked {
  readonly config: Readonly<PlaygroundConfig>;
  readonly planned: PlannedConfig;
  /** Null for a model that ships. */
  readonly brought: BroughtModel | null;
  /** Of a chat, which go instead of the prompt; null without one. */
  readonly messages: readonly ChatMessage[] | null;
  /** For each layer, the layer whose keys and values it reads: in the checkpoint, and under the plan. */
  readonly reads: { readonly stored: readonly number[]; readonly wanted: readonly number[] };
}

/**
 * A Python program that loads the checkpoint under the plan and continues the prompt: with the code of LCKV
 * (https://github.com/whyNLP/LCKV), or with transformers alone if neither checkpoint nor plan needs more. If the plan
 * is not the checkpoint's own, it averages projections as `convert_pretrained.py` there and gpu/plan/conversion.ts do.
 */
export function pythonForLckv({ config, planned, brought, reads, messages }: PythonAsked): string {
  const needsLckv = planned.readBy === 'lckv' || planned.storedType === 'lckv-llama';
  const converts = reads.stored.some((layer, i) => layer !== reads.wanted[i]);
  const { setup, model, revision } = placeOf(config, brought);
  return [
    needsLckv
      ? '# Run it in a clone of https://github.com/whyNLP/LCKV, with its requirements.txt.'
      : '# Needs PyTorch and transformers.',
    ...remarks(config),
    'import json',
    ...setup,
    '',
    'import torch',
    ...(needsLckv ? ['import models  # registers lckv-llama'] : []),
    'from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, set_seed',
    '',
    ...model,
    messages
      ? `MESSAGES = json.loads(${pythonString(JSON.stringify(messages))})`
      : `PROMPT = ${pythonString(config.prompt)}`,
    `CONFIG = json.loads(${pythonString(withMode(planned.text, config, needsLckv))})`,
    '',
    `place = {"pretrained_model_name_or_path": MODEL${revision === null ? '' : `, "revision": ${pythonString(revision)}`}}`,
    'tokenizer = AutoTokenizer.from_pretrained(**place)',
    'config = AutoConfig.for_model(CONFIG.pop("model_type"), **CONFIG)',
    ...(converts
      ? conversion(reads)
      : ['model = AutoModelForCausalLM.from_pretrained(**place, config=config, torch_dtype="auto")']),
    'model.eval()',
    '',
    ...generation(config, messages !== null),
    '',
  ].join('\n');
}

/** What the program cannot repeat. */
function remarks({ policy, temperature }: Readonly<PlaygroundConfig>): readonly string[] {
  return [
    ...(policy === keepEverything.id
      ? []
      : [`# The cache policy ${policy} is left out: this code has no such policy.`]),
    ...(isGreedy(temperature) ? [] : ['# Draws differ from kvtab’s, also with the same seed.']),
  ];
}

interface Place {
  readonly setup: readonly string[];
  readonly model: readonly string[];
  /** Null if the files lie in a folder. */
  readonly revision: string | null;
}

/** Where the checkpoint is. */
function placeOf({ model: id }: Readonly<PlaygroundConfig>, brought: BroughtModel | null): Place {
  if (brought === null) {
    const remark = '# A folder of kvtab’s own repository.';
    return { setup: [], model: [remark, `MODEL = ${pythonString(`public/models/${id}`)}`], revision: null };
  }
  if (brought.from === 'files') {
    const remark = '# Put the path of the folder here.';
    return { setup: [], model: [remark, `MODEL = ${pythonString(folderName(id))}`], revision: null };
  }
  const [repository = id, revision = 'main'] = id.split('@');
  if (brought.endpoint === HEALED_ENDPOINT) {
    const remark = '# Healed in a browser: export it there, and put the path of the folder here.';
    return { setup: [], model: [remark, `MODEL = ${pythonString(repository)}`], revision: null };
  }
  const setup =
    brought.endpoint === defaultConfig.endpoint
      ? []
      : ['import os', '', `os.environ["HF_ENDPOINT"] = ${pythonString(brought.endpoint)}`];
  const model = [`MODEL = ${pythonString(repository)}`];
  return { setup, model, revision: brought.commit ?? revision };
}

/** config.json in one line, sequential or not as the run is. */
function withMode(text: string, { mode }: Readonly<PlaygroundConfig>, needsLckv: boolean): string {
  if (!needsLckv || (mode !== 'sequential' && mode !== 'parallel')) return text.trim();
  const field = `"use_sequential": ${mode === 'sequential'}`;
  return text.includes('"use_sequential"')
    ? text.trim().replace(/"use_sequential":\s*(true|false)/, field)
    : text.trim().replace(/\s*\}$/, `,\n  ${field}\n}`);
}

const conversion = ({ stored, wanted }: PythonAsked['reads']): readonly string[] => [
  '',
  '# The layer whose keys and values each layer reads: in the checkpoint, and under this plan.',
  `STORED = [${stored.join(', ')}]`,
  `WANTED = [${wanted.join(', ')}]`,
  'source = AutoModelForCausalLM.from_pretrained(**place, torch_dtype="auto")',
  'model = AutoModelForCausalLM.from_config(config, torch_dtype=source.dtype)',
  'weights = source.state_dict()',
  'for name, weight in model.state_dict().items():',
  '    parts = name.split(".")',
  '    if "k_proj" in parts or "v_proj" in parts:',
  '        # An owner gets the mean of the projections of all layers that will read it.',
  '        readers = [i for i, owner in enumerate(WANTED) if owner == int(parts[2])]',
  '        sources = [".".join([*parts[:2], str(STORED[i]), *parts[3:]]) for i in readers]',
  '        weight.copy_(torch.stack([weights[each].float() for each in sources]).mean(0))',
  '    else:',
  '        weight.copy_(weights[name])',
];

const isGreedy = (temperature: number | null) => (temperature ?? 0) < SMALLEST_TEMPERATURE;

/** transformers refuses whole numbers here. */
const pythonFloat = (value: number) => (Number.isInteger(value) ? `${value}.0` : String(value));

function generation(config: Readonly<PlaygroundConfig>, chats: boolean): readonly string[] {
  const { temperature, topK, topP, minP, repetitionPenalty, seed, maxNewTokens } = config;
  const options = [
    `max_new_tokens=${maxNewTokens ?? 1}`,
    ...(isGreedy(temperature)
      ? ['do_sample=False']
      : [
          'do_sample=True',
          `temperature=${pythonFloat(temperature ?? 1)}`,
          `top_k=${topK ?? 0}`,
          `top_p=${pythonFloat(topP ?? 1)}`,
          ...((minP ?? 0) > 0 ? [`min_p=${pythonFloat(minP ?? 0)}`] : []),
        ]),
    `repetition_penalty=${pythonFloat(repetitionPenalty ?? 1)}`,
  ];
  return [
    `set_seed(${seed ?? 1})`,
    chats
      ? 'inputs = tokenizer.apply_chat_template(MESSAGES, add_generation_prompt=True, return_dict=True, return_tensors="pt")'
      : 'inputs = tokenizer(PROMPT, return_tensors="pt")',
    'outputs = model.generate(',
    '    inputs.input_ids,',
    '    attention_mask=inputs.attention_mask,',
    ...options.map((option) => `    ${option},`),
    ')',
    'print(tokenizer.decode(outputs[0, inputs.input_ids.shape[1] :], skip_special_tokens=True))',
  ];
}
