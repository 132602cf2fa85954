import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFolderSource } from '../../../tools/headless/folder-source.ts';
import { ByteReader } from '../../../worker/loader/byte-reader.ts';
import { openFilesSource } from '../../../worker/loader/files-source.ts';

const bytes = Uint8Array.from({ length: 90_000 }, (_, i) => (i * 31) % 251);

async function readAll(source: ReturnType<typeof openFilesSource>, file: string, begin = 0) {
  const opened = await source.open(file, begin);
  if (!opened) throw new Error(`${file} is there`);
  return new ByteReader(opened, begin).read(1_000_000);
}

describe('Files that were opened', () => {
  const files = new Map([
    ['config.json', new Blob(['{}'])],
    ['model.safetensors', new Blob([bytes])],
  ]);
  const source = openFilesSource(files);

  it('are read as text or from any byte on, and have a known size', async () => {
    expect(await source.text('config.json')).toBe('{}');
    expect((await source.open('model.safetensors', 7))?.sizeBytes).toBe(bytes.length);
    expect(await readAll(source, 'model.safetensors', 70_001)).toEqual(bytes.slice(70_001));
  });

  it('are null if no such file was opened', async () => {
    expect(await source.text('tokenizer.json')).toBeNull();
    expect(await source.open('tokenizer.json')).toBeNull();
  });

  it('are read piece by piece, and not much further than requested', async () => {
    let pulled = 0;
    const endless = new Blob();
    Object.defineProperty(endless, 'size', { value: 2 ** 40 });
    Object.defineProperty(endless, 'slice', { value: () => endless });
    const stream = new ReadableStream({
      pull: (controller) => {
        pulled++;
        controller.enqueue(new Uint8Array(1000));
      },
    });
    Object.defineProperty(endless, 'stream', { value: () => stream });
    const opened = await openFilesSource(new Map([['x', endless]])).open('x');
    if (!opened) throw new Error('it is there');
    const reader = new ByteReader(opened);
    await reader.read(5000);
    await reader.close();
    expect(pulled).toBeLessThan(8);
  });

  it('are refused as text before they are read if they have gigabytes', async () => {
    const huge = new Blob();
    Object.defineProperty(huge, 'size', { value: 2 ** 31 });
    await expect(openFilesSource(new Map([['config.json', huge]])).text('config.json')).rejects.toMatchObject(
      {
        failure: { code: 'unreadable-file', file: 'config.json' },
      },
    );
  });
});

describe('A folder on disk', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'kvtab-'));
    writeFileSync(join(folder, 'model.safetensors'), bytes);
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('is read like opened files', async () => {
    const source = openFolderSource(folder);
    expect(await readAll(source, 'model.safetensors', 5)).toEqual(bytes.slice(5));
    expect(await source.text('config.json')).toBeNull();
    expect(await openFolderSource(join(folder, 'model.safetensors')).text('config.json')).toBeNull();
    expect(await openFolderSource(join(folder, '..')).open(folder.split('/').at(-1) ?? '')).toBeNull();
  });

  it('may hold files beyond 4 GiB', async () => {
    const sizeBytes = 2 ** 32 + 7;
    const file = join(folder, 'model.safetensors');
    truncateSync(file, sizeBytes); // a hole takes no room on the disk
    const source = openFolderSource(folder);
    expect((await source.open('model.safetensors'))?.sizeBytes).toBe(sizeBytes);
    const beginning = await readAll(source, 'model.safetensors', 5);
    expect(beginning.subarray(0, 9)).toEqual(bytes.slice(5, 14));
    expect(await readAll(source, 'model.safetensors', sizeBytes - 9)).toEqual(new Uint8Array(9));
  });

  it('says which of its names are no files', async () => {
    symlinkSync('nowhere', join(folder, 'config.json'));
    execFileSync('mkfifo', [join(folder, 'tokenizer.json')]); // reading it would never end
    const failing = (reason: RegExp) => ({
      failure: { code: 'unreadable-file', reason: expect.stringMatching(reason) as string },
    });
    const source = openFolderSource(folder);
    await expect(source.text('config.json')).rejects.toMatchObject(failing(/a link to a file that is not/));
    await expect(source.text('tokenizer.json')).rejects.toMatchObject(failing(/a device or a pipe/));
  });

  it.each([
    ['changed', (file: string) => appendFileSync(file, 'more')],
    ['removed', (file: string) => rmSync(file)],
  ])('reports a file that was %s after it was opened as unreadable', async (_, spoil) => {
    const source = openFolderSource(folder);
    const opened = await source.open('model.safetensors');
    if (!opened) throw new Error('it is there');
    spoil(join(folder, 'model.safetensors'));
    await expect(new ByteReader(opened).read(1000)).rejects.toMatchObject({
      failure: { code: 'unreadable-file', file: 'model.safetensors' },
    });
  });
});
