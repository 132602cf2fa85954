/** What can stop a backend without a bug, as data. */
export type BackendFailure =
  | { readonly code: 'no-webgpu'; readonly reason: string }
  | {
      readonly code: 'limit-too-small';
      /** What is too large. */
      readonly what: string;
      readonly limit: string;
      /** Bytes. */
      readonly needed: number;
      readonly available: number;
    }
  | { readonly code: 'out-of-memory'; readonly what: string; readonly bytes: number }
  | { readonly code: 'device-lost'; readonly reason: string }
  /** A thread of the processor stopped while it computed: what it wrote may be half of a result. */
  | { readonly code: 'thread-lost' }
  /** Logits that are NaN or infinite: no token can be drawn from them. */
  | {
      readonly code: 'not-finite';
      /** The position whose logits they are. */
      readonly position: number;
      /** The first layer whose output is not finite; `embedding` or `head` outside the layers. */
      readonly where: number | 'embedding' | 'head';
      /** In a run of several sequences: the index of the one whose logits they are. */
      readonly sequence?: number;
    };

/** Whether nothing that the backend holds can be used again. */
export const isLost = ({ code }: { readonly code: string }): boolean =>
  code === 'device-lost' || code === 'thread-lost';

/** Thrown only inside the worker's thread. The engine turns it into an `Outcome`, which can cross to the page. */
export class BackendError extends Error {
  readonly failure: BackendFailure;
  /** The text of a batch that it is about; null if it is about all, or if there is no batch. */
  readonly text: object | null;

  constructor(failure: BackendFailure, text: object | null = null) {
    super(`backend: ${JSON.stringify(failure)}`);
    this.name = 'BackendError';
    this.failure = failure;
    this.text = text;
  }
}
