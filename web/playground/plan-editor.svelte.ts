import type { PlaygroundConfig } from '../settings/settings.ts';
import { EditHistory } from './edit-history.svelte.ts';

/** The one way to edit the plan, for the text field, the presets and the picture alike: so all of them can be undone. */
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

  /** Replaces the plan; `kind` names the gesture: a quick row of the same one is undone in one step. */
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

  /** Another model's plan is no step of this one's. */
  forget(): void {
    this.#history.clear();
  }
}
