/**
 * Where a model's files come from: the page's own folder, a folder on disk, files that were opened, the Hub.
 * A file that does not exist is `null`. A file that cannot be read throws {@link Refused} with `download-failed`, or
 * with `unreadable-file` if it is on this machine.
 */
export interface ModelSource {
  /** A small file as text. */
  text(file: string): Promise<string | null>;
  /** A large file, from byte `begin` on. */
  open(file: string, begin?: number): Promise<OpenFile | null>;
  /** The names of all files that the source knows of. The page's own folder has no list, and names none. */
  names(): Promise<readonly string[]>;
  /**
   * Any file of this machine, by a path from the model's folder on or an absolute one; absent if the source has no
   * folder on this machine that the person could name files beside.
   */
  openPath?(path: string): Promise<OpenFile | null>;
  /** Where the source keeps files that were made from its own; absent if it keeps none. */
  readonly copies?: ModelCopies;
}

/** A file that is being read. Ending the iteration early, or `cancel`, closes it. */
export interface OpenFile {
  /** Of the whole file; null if the source does not know. */
  readonly sizeBytes: number | null;
  readonly chunks: AsyncIterator<Uint8Array>;
}

/** Files that were made from a model's own, so that later loads have less to do. Losing one loses nothing. */
export interface ModelCopies {
  /** A complete copy; null if there is none. */
  open(name: string, begin?: number): Promise<OpenFile | null>;
  /** Starts a copy. Null if it cannot be kept: there is no room, or another tab is writing the same one. */
  startCopy(name: string, sizeBytes: number): Promise<CopyWriter | null>;
  remove(name: string): Promise<void>;
}

/** A copy that is being written. None of its calls reject: if something fails, there will be no copy. */
export interface CopyWriter {
  /** Takes the next bytes, which the caller may reuse once it resolves. */
  add(bytes: Uint8Array): Promise<void>;
  /** Ends the copy. It is kept only if it has as many bytes as `startCopy` announced. */
  end(): Promise<void>;
}
