import { downloadZip } from 'client-zip';
import type { HarnessFile } from '../../../worker/laboratory/tasks/harness-files.ts';

export const zipOf = (files: readonly HarnessFile[]): Promise<Blob> =>
  downloadZip(files.map(({ name, text }) => ({ name, input: text }))).blob();
