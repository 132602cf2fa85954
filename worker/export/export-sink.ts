/** One file of an exported model. */
export interface ExportedFile {
  readonly name: string;
  readonly sizeBytes: number;
  /** Of that size together. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/**
 * Writes files where they belong, one after the other, under a folder of a name like the wanted one. Where a file's
 * chunks or the writing fail, it takes back what it wrote and throws: `export-failed` for the writing.
 */
export type ExportSink = (
  wantedName: string,
  files: AsyncIterable<ExportedFile>,
) => Promise<{ readonly name: string; readonly zip: Blob | null }>;
