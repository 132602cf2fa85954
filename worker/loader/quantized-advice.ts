/** What to do about weights that another program has quantized: a configuration may say so, or the tensors show it. */
export const QUANTIZED_ADVICE =
  'Choose the model in BF16, F16 or F32; kvtab can quantize it to 8 or 4 bits while it loads';
