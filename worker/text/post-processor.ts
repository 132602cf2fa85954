/** What a tokenizer adds around a text. */
import { isObject, show } from '../hostile-fields.ts';

type Tokens = readonly number[];
/** The tokens of a text with those around it; with `special` false, without special ones. */
export type AddAround = (tokens: Tokens, special: boolean) => Tokens;
/** Of a template. Real ones have two or three. */
const MOST_PIECES = 1000;
type IdOf = (token: string) => number | undefined;

/**
 * @param said the `post_processor` of a tokenizer.json
 * @throws Error that names what is wrong
 */
export function openPostProcessor(said: unknown, idOf: IdOf): AddAround {
  if (said === null || said === undefined) return (tokens) => tokens;
  if (!isObject(said)) throw new Error(`the post-processor is ${show(said)}, not an object`);
  switch (said['type']) {
    case 'Sequence': {
      const { processors } = said;
      if (!Array.isArray(processors)) throw new Error('a Sequence has no array of processors');
      const steps = processors.map((step: unknown) => openPostProcessor(step, idOf));
      return (tokens, special) => steps.reduce((all, step) => step(all, special), tokens);
    }
    case 'ByteLevel': // moves offsets, which nothing reads here
      return (tokens) => tokens;
    case 'BertProcessing':
    case 'RobertaProcessing': {
      const [begin, end] = [pairId(said, 'cls'), pairId(said, 'sep')];
      return (tokens, special) => (special ? [begin, ...tokens, end] : tokens);
    }
    case 'TemplateProcessing':
      return template(said, idOf);
    default:
      throw new Error(`there is no post-processor ${show(said['type'])}`);
  }
}

/** The id in `["[CLS]", 101]`. */
function pairId(said: Readonly<Record<string, unknown>>, name: string): number {
  const pair = said[name];
  const id: unknown = Array.isArray(pair) ? pair[1] : undefined;
  if (isId(id)) return id;
  throw new Error(`the ${name} of the post-processor is ${show(pair)}, not a token and its id`);
}

function template(said: Readonly<Record<string, unknown>>, idOf: IdOf): AddAround {
  const { single, special_tokens: named } = said;
  if (!Array.isArray(single)) throw new Error('a TemplateProcessing has no array "single"');
  if (single.length > MOST_PIECES) {
    throw new Error(`a TemplateProcessing has ${single.length} pieces, more than ${MOST_PIECES}`);
  }
  const known = new Map(isObject(named) ? Object.entries(named) : []);
  // null is the text itself.
  const pieces = single.map((piece: unknown): Tokens | null => {
    const { SpecialToken: special, Sequence: sequence } = isObject(piece) ? piece : {};
    if (isObject(sequence) && sequence['id'] === 'A') return null;
    const name = isObject(special) ? special['id'] : undefined;
    if (typeof name !== 'string') throw new Error(`the post-processor has a piece ${show(piece)}`);
    const token = known.get(name);
    const ids: unknown = isObject(token) ? token['ids'] : [idOf(name)];
    if (Array.isArray(ids) && ids.every(isId)) return ids;
    throw new Error(`the post-processor adds ${show(name)}, which is not a token`);
  });
  return (tokens, special) => pieces.flatMap((piece) => (piece === null ? tokens : special ? piece : []));
}

const isId = (id: unknown): id is number => typeof id === 'number' && Number.isSafeInteger(id) && id >= 0;
