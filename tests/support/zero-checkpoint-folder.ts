import { closeSync, ftruncateSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { zeroCheckpoint } from './zero-checkpoint.ts';

/** Writes half a gigabyte of zeros as a sparse checkpoint, which takes no room on disk. @returns its size in bytes */
export function writeZeroCheckpoint(folder: string): number {
  const { config, head, sizeBytes } = zeroCheckpoint();
  mkdirSync(folder);
  writeFileSync(join(folder, 'config.json'), config);
  const file = openSync(join(folder, 'model.safetensors'), 'w');
  writeSync(file, head);
  ftruncateSync(file, sizeBytes);
  closeSync(file);
  return sizeBytes;
}
