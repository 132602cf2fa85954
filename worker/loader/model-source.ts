/**
 * Where a model's files come from: the page's own folder, a folder on disk, files that were opened, the Hub.
 * A file that is not there is `null`; what cannot be read throws {@link Refused} with `download-failed`, or
 * `unreadable-file` where it lies on this machine.
 */
export interface ModelSource {
  /** A small file as text. */
  text(file: string): Promise<string | null>;
  /** A large file, from byte `begin` on. */
  open(file: string, begin?: number): Promise<OpenFile | null>;
}

/** A file that is being read. Ending the iteration early, or `cancel`, lets go of it. */
export interface OpenFile {
  /** Of the whole file; null where the source does not know. */
  readonly sizeBytes: number | null;
  readonly chunks: AsyncIterator<Uint8Array>;
}
