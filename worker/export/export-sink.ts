/** One file of an exported model. */
export interface ExportedFile {
  readonly name: string;
  readonly sizeBytes: number;
  /** Together {@link sizeBytes} long. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/**
 * Writes files one after the other into a folder whose name is the wanted one or close to it. If reading or writing a
 * file's chunks fails, it removes what it wrote and throws. Failures of writing are `export-failed`.
 */
export type ExportSink = (
  wantedName: string,
  files: AsyncIterable<ExportedFile>,
) => Promise<{ readonly name: string; readonly zip: Blob | null }>;
