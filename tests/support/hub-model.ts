import { readdirSync, readFileSync } from 'node:fs';
import type { Repository } from './hub-server.ts';

export const FAIRY_COMMIT = 'fa1e'.padEnd(40, '0');

/** A shipped model as a repository, with larger weights: one more tensor, which no model needs. */
export function fairyRepository(
  padBytes: number,
  changes: Partial<Repository> = {},
  id: 'fairy-lckv' | 'fairy-llama' = 'fairy-lckv',
): Repository {
  const folder = new URL(`../../public/models/${id}/`, import.meta.url);
  const files = new Map(
    readdirSync(folder).map((name): [string, Uint8Array] => [name, readFileSync(new URL(name, folder))]),
  );
  const weights = files.get('model.safetensors');
  if (!weights) throw new Error('the shipped model has no weights');
  files.set('model.safetensors', padded(Buffer.from(weights), padBytes));
  return { commit: FAIRY_COMMIT, files, ...changes };
}

function padded(weights: Buffer, padBytes: number): Uint8Array {
  const headerBytes = Number(weights.readBigUInt64LE(0));
  const header = JSON.parse(weights.subarray(8, 8 + headerBytes).toString('utf8')) as Record<string, unknown>;
  const data = weights.subarray(8 + headerBytes);
  header['unneeded.pad'] = {
    dtype: 'U8',
    shape: [padBytes],
    data_offsets: [data.length, data.length + padBytes],
  };
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const pad = Buffer.alloc(padBytes);
  for (let i = 0; i < padBytes; i++) pad[i] = (i * 31 + (i >> 11)) % 251;
  return Buffer.concat([length, text, data, pad]);
}
