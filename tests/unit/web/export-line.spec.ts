import { describe, expect, it } from 'vitest';
import { exportLine } from '../../../web/panels/export/export-line.ts';
import type { ExportResult } from '../../../worker/protocol/export.ts';

const result: ExportResult = {
  end: 'complete',
  name: 'tiny-export',
  files: ['config.json', 'model.safetensors'],
  bytes: 3 * 2 ** 20,
  zip: null,
  readBy: 'lckv',
};

describe('exportLine', () => {
  it('says how much is written', () => {
    expect(exportLine({ at: 'idle' })).toBeNull();
    const exporting = { at: 'exporting', file: 'config.json', writtenBytes: 512, totalBytes: 1024 } as const;
    expect(exportLine(exporting)).toEqual({
      text: 'Exporting config.json',
      detail: '512 B of 1 KiB',
      bar: { label: 'Exporting the model', fraction: 0.5 },
    });
    expect(exportLine({ ...exporting, totalBytes: 0 })?.bar?.fraction).toBeNull();
  });

  it('says what was written, where, and which code can read it', () => {
    const said = (changes: Partial<ExportResult>) =>
      exportLine({ at: 'ended', result: { ...result, ...changes } })?.text;
    expect(said({})).toBe(
      'Exported 2 files, 3 MiB to the folder tiny-export. LCKV’s Python code and this page can read it.',
    );
    expect(said({ zip: new Blob(), readBy: 'transformers' })).toMatch(/to tiny-export\.zip\. Hugging Face/);
    expect(said({ readBy: 'kvtab' })).toMatch(/Only this page can read it/);
    expect(said({ end: 'stopped' })).toBe('The export was cancelled, and its files were deleted.');
  });
});
