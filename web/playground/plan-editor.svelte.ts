import type { PlaygroundConfig } from '../settings/settings.ts';
import { EditHistory } from './edit-history.svelte.ts';

/** The one way to edit the plan. Text field, presets and picture all use it, so that every edit can be undone. */
export class PlanEditor {
  readonly #config: Pick<PlaygroundConfig, 'layerTypes'>;
  readonly #history = new EditHistory();

  constructor(config: Pick<PlaygroundConfig, 'layerTypes'>) {
    this.#config = config;
  }

  get text(): string {
    return this.#config.layerTypes;
  }

  get canUndo(): boolean {
    return this.#history.canUndo;
  }

  get canRedo(): boolean {
    return this.#history.canRedo;
  }

  /** Replaces the plan. Quick edits of the same `kind` are undone in one step. */
  edit(text: string, kind: string): void {
    if (text === this.text) return;
    this.#history.record(this.text, kind, performance.now());
    this.#config.layerTypes = text;
  }

  undo(): void {
    this.#config.layerTypes = this.#history.undo(this.text) ?? this.text;
  }

  redo(): void {
    this.#config.layerTypes = this.#history.redo(this.text) ?? this.text;
  }

  /** Clears the history: undo must not bring back another model's plan. */
  forget(): void {
    this.#history.clear();
  }
}
