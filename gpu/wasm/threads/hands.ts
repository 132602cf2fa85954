import type { Address, Kernels } from '../kernels.ts';
import type { Room } from './job.ts';

/** Takes a room of the thread's own for the next call. */
export type TakeRoom = (room: Room) => Address;

/** Makes the calls of a part of a job. */
export type Work = (kernels: Kernels, part: number, takeRoom: TakeRoom) => void;

/** How many of some pieces belong to the parts of a job before one of them. */
export const piecesBefore = (pieces: number, part: number, parts: number): number =>
  Math.floor((pieces * part) / parts);

/** Who does some work: the threads of a team together, or one of them alone. */
export interface Hands {
  readonly kernels: Kernels;
  /** How many there are. */
  readonly threads: number;
  /** Which of the rooms that threads have is the first one's. */
  readonly firstRoom: number;

  /**
   * Into how many parts to cut work of so many multiply-adds.
   *
   * @param most of how many pieces it is made
   */
  partsOf(multiplyAdds: number, most: number): number;

  /**
   * Does work in parts. Returns when all are done.
   *
   * @param work makes the calls of a part through the kernels that it is given, and does nothing else. It may be asked
   *   for a part twice. Parts write to different places, and read nothing that another one writes. A call that needs
   *   scratch takes it with the last argument, just before the call.
   * @param ahead what the job after this one will probably read; nothing if that is what the one before said
   * @throws BackendError `thread-lost` if a helper was lost while it computed
   */
  share(parts: number, work: Work, ahead?: () => readonly Room[]): void;
}

/** One thread, which does all the work of a part of a job. */
export class OneThread implements Hands {
  readonly kernels: Kernels;
  readonly threads = 1;
  readonly firstRoom: number;
  readonly #takeRoom: TakeRoom;

  /** @param part of a job that has no more parts than there are threads */
  constructor(kernels: Kernels, part: number, takeRoom: TakeRoom) {
    this.kernels = kernels;
    this.firstRoom = part;
    this.#takeRoom = takeRoom;
  }

  partsOf(): number {
    return 1;
  }

  share(parts: number, work: Work): void {
    for (let part = 0; part < parts; part++) work(this.kernels, part, this.#takeRoom);
  }
}
