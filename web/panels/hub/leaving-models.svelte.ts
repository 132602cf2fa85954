import type { StoredKey, StoredModel } from '../../../worker/protocol/hub.ts';
import { openSpace } from '../../../worker/storage/space.ts';

/** How long a deleted model can be taken back. */
export const TAKE_BACK_MS = 60_000;

const space = openSpace('leaving-models', (value): value is StoredKey => isKey(value));

function isKey(value: unknown): value is StoredKey {
  if (typeof value !== 'object' || value === null) return false;
  const { endpoint, repository, commit } = value as Partial<Record<keyof StoredKey, unknown>>;
  return [endpoint, repository, commit].every((part) => typeof part === 'string');
}

/** A model without what else is known of it. */
const keyOf = ({ endpoint, repository, commit }: StoredKey): StoredKey => ({ endpoint, repository, commit });
const placeOf = ({ endpoint, repository, commit }: StoredKey) => [endpoint, repository, commit];
const isSame = (a: StoredKey, b: StoredKey) => placeOf(a).every((part, i) => part === placeOf(b)[i]);

/**
 * Models that a person has deleted, and may take back for a while. Gigabytes cannot be put back, so they are deleted
 * late: after {@link TAKE_BACK_MS}, before the next download, which may need the room, or at the next visit.
 */
export class LeavingModels {
  models = $state.raw<readonly StoredModel[]>([]);
  readonly #remove: (keys: readonly StoredKey[]) => Promise<void>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Until what is taken back is no longer marked on the device. */
  #returning: Promise<void> | null = null;

  /** @param remove deletes models for good */
  constructor(remove: (keys: readonly StoredKey[]) => Promise<void>) {
    this.#remove = remove;
  }

  has(model: StoredKey): boolean {
    return this.models.some((leaving) => isSame(leaving, model));
  }

  /** Takes models off the list. Those that were leaving before are deleted for good. */
  async leave(models: readonly StoredModel[]): Promise<void> {
    await this.finish();
    this.models = models;
    this.#timer = setTimeout(() => void this.finish(), TAKE_BACK_MS);
    await Promise.all(models.map((model) => space.set(placeOf(model), keyOf(model)))).catch(() => undefined);
  }

  /** The list shows the models again once the device knows, so that whoever sees them there can leave the page. */
  takeBack(): Promise<void> {
    clearTimeout(this.#timer);
    this.#returning ??= this.#takeBack();
    return this.#returning;
  }

  async #takeBack(): Promise<void> {
    await space.remove().catch(() => undefined);
    this.models = [];
    this.#returning = null;
  }

  /** Deletes for good what is leaving. */
  async finish(): Promise<void> {
    await this.#returning;
    if (this.models.length === 0) return;
    clearTimeout(this.#timer);
    const leaving = this.models.map(keyOf);
    await this.#remove(leaving);
    this.models = [];
    await space.remove().catch(() => undefined);
  }

  /** Deletes for good what an earlier visit left. */
  async finishEarlier(): Promise<void> {
    const entries = await space.entries().catch(() => []);
    if (entries.length === 0) return;
    await this.#remove(entries.map(([, key]) => key));
    await space.remove().catch(() => undefined);
  }
}
