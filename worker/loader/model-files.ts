/** The file that holds the weights of most models. */
export const WHOLE_WEIGHTS = 'model.safetensors';

/** Everything that we read of a model except its weights. A model may lack all but the first. */
export const TEXT_FILES = [
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'chat_template.jinja',
] as const;

/** Whether a model can do without a file that we read. */
export const mayLack = (file: string): boolean => (TEXT_FILES as readonly string[]).indexOf(file) > 0;
