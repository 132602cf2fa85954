/** The words of the export. */
export const words = {
  about:
    'Saves the model under this plan in 16 bits: config.json, safetensors and tokenizer. If the plan differs from the stored one, keys and values are averaged.',
  round: '32-bit weights become',
  roundHint: '16-bit weights stay as they are',
  bf16: 'bf16',
  f16: 'f16',
  export: 'Export model',
  exportZip: 'Export as zip',
  cancel: 'Cancel export',
  exporting: (file: string) => (file === '' ? 'Exporting' : `Exporting ${file}`),
  bytesOf: (written: string, total: string) => `${written} of ${total}`,
  bar: 'Exporting the model',
  cancelled: 'The export was cancelled, and its files were deleted.',
  exportedZip: (what: string, name: string, readers: string) => `Exported ${what} to ${name}.zip. ${readers}`,
  exportedFolder: (what: string, name: string, readers: string) =>
    `Exported ${what} to the folder ${name}. ${readers}`,
  size: (files: string, bytes: string) => `${files}, ${bytes}`,
  readers: {
    transformers: 'Hugging Face transformers and this page can read it.',
    lckv: 'LCKV’s Python code and this page can read it.',
    kvtab: 'Only this page can read it: LCKV’s Python code has no such model with shared layers.',
  },
} as const;
