import { openSpace } from '../../../worker/storage/space.ts';

const space = openSpace('tour', (value): value is boolean => typeof value === 'boolean');

/** Whether the tour is under way, and whether it is still offered: until it was taken or declined, once. */
export class Tour {
  /** Null until the storage has answered: nobody is asked twice. */
  offered = $state.raw<boolean | null>(null);
  running = $state.raw(false);

  async restore(): Promise<void> {
    try {
      this.offered = (await space.get(['done'])) !== true;
    } catch {
      this.offered = true; // a browser that keeps nothing asks at every visit
    }
  }

  begin(): void {
    this.running = true;
  }

  /** Ends it, wherever it is, or declines it. It is not offered again, but can be asked for. */
  end(): void {
    this.running = false;
    this.offered = false;
    void space.set(['done'], true).catch(() => undefined);
  }
}
