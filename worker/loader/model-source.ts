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
  /** Where the source keeps what was made of its files; absent where it keeps nothing. */
  readonly copies?: ModelCopies;
}

/** A file that is being read. Ending the iteration early, or `cancel`, lets go of it. */
export interface OpenFile {
  /** Of the whole file; null where the source does not know. */
  readonly sizeBytes: number | null;
  readonly chunks: AsyncIterator<Uint8Array>;
}

/** Files that were made of a model's own, so that later starts have less to do. Losing one loses nothing. */
export interface ModelCopies {
  /** A copy that is whole; null where there is none. */
  open(name: string, begin?: number): Promise<OpenFile | null>;
  /** Begins one; null where it cannot be kept: there is no room, or another tab is at the same model. */
  begin(name: string, sizeBytes: number): Promise<CopyWriter | null>;
  remove(name: string): Promise<void>;
}

/** A copy that is being written. None of its calls reject: where something fails, there will be no copy. */
export interface CopyWriter {
  /** The next bytes, which may be used again when it resolves. */
  add(bytes: Uint8Array): Promise<void>;
  /** Ends it. Only what is as long as it was said to be is kept. */
  end(): Promise<void>;
}
