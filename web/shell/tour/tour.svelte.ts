const space = import('../../../worker/storage/space.ts').then(({ openSpace }) =>
  openSpace('tour', (value): value is boolean => typeof value === 'boolean'),
);
space.catch(() => undefined); // every use handles it

/** Whether the tour is running, and whether the page still offers it. */
export class Tour {
  /** Null until the storage has answered, so that nobody is asked twice. */
  offered = $state.raw<boolean | null>(null);
  running = $state.raw(false);

  async restore(): Promise<void> {
    try {
      this.offered = (await (await space).get(['done'])) !== true;
    } catch {
      this.offered = true; // without storage, every visit offers it
    }
  }

  start(): void {
    this.running = true;
  }

  /** Ends or declines the tour. The page does not offer it again, but keeps the button. */
  end(): void {
    this.running = false;
    this.offered = false;
    void space.then((tours) => tours.set(['done'], true)).catch(() => undefined);
  }
}
