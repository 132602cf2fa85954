import { LayerSelection } from './layer-selection.svelte.ts';
import type { PictureCommand } from './picture-keys.ts';
import { ownKv, readEntries, repoint, shiftTargets, toggleWindow } from './plan-edit.ts';
import { describeLayer } from './plan-picture.ts';
import type { PlanEditor } from '../../playground/plan-editor.svelte.ts';
import { words } from './words.ts';

/** Digits that are typed within this time, for the same layers, form one number. */
const ONE_NUMBER_MS = 1200;

/** What a person can do in the picture: select layers, and edit the selected ones. */
export class PictureActions {
  readonly selection = new LayerSelection();
  /** The last edit in words, for screen readers. */
  said = $state.raw('');
  readonly #editorNow: () => PlanEditor;
  readonly #layerCount: () => number;
  #typed = { layers: '', digits: '', atMs: -Infinity };

  constructor(editor: () => PlanEditor, layerCount: () => number) {
    this.#editorNow = editor;
    this.#layerCount = layerCount;
  }

  get #editor(): PlanEditor {
    return this.#editorNow();
  }

  repointTo(target: number, gesture: string): void {
    this.#edit(repoint(this.#editor.text, this.#layerCount(), this.#edited(), target), gesture);
  }

  keepOwn(): void {
    this.#edit(ownKv(this.#editor.text, this.#layerCount(), this.#edited()), 'own');
  }

  toggleWindow(): void {
    this.#edit(toggleWindow(this.#editor.text, this.#layerCount(), this.#edited()), 'window');
  }

  /** @param rows rows of the picture: more than the model has layers if the text is too long */
  perform(command: PictureCommand, rows: number): void {
    const { selection } = this;
    switch (command.do) {
      case 'move':
      case 'go': {
        const last = rows - 1;
        const to = command.do === 'move' ? selection.active + command.by : command.to === 'last' ? last : 0;
        const layer = Math.min(Math.max(to, 0), last);
        if (command.extend) selection.extend(layer);
        else selection.only(layer);
        break;
      }
      case 'select':
        selection.toggle(selection.active);
        break;
      case 'select-all':
        selection.all(this.#layerCount());
        break;
      case 'shift-target':
        this.#edit(shiftTargets(this.#editor.text, this.#layerCount(), this.#edited(), command.by), 'shift');
        break;
      case 'window':
        this.toggleWindow();
        break;
      case 'own':
        this.keepOwn();
        break;
      case 'digit':
        this.#type(command.digit);
        break;
      case 'undo':
        this.#editor.undo();
        break;
      case 'redo':
        this.#editor.redo();
        break;
    }
  }

  #type(digit: string): void {
    const now = performance.now();
    const layers = this.#edited().join();
    const goesOn = layers === this.#typed.layers && now - this.#typed.atMs < ONE_NUMBER_MS;
    const digits = goesOn ? this.#typed.digits + digit : digit;
    this.#typed = { layers, digits, atMs: now };
    if (Number(digits) < this.#layerCount()) this.repointTo(Number(digits), 'digits');
  }

  /** The layers that an edit changes: the selection, or else the layer that has the keyboard. */
  #edited(): readonly number[] {
    const { layers, active } = this.selection;
    return layers.length > 0 ? layers : [active];
  }

  #edit(text: string, gesture: string): void {
    const layers = this.#edited();
    // The same gesture on other layers is a separate step of undo.
    this.#editor.edit(text, `${gesture} ${layers.join()}`);
    const first = readEntries(text, this.#layerCount())[layers[0] ?? 0];
    if (layers.length > 1) this.said = words.picture.changed(layers.length);
    else if (first) this.said = `${describeLayer(first, first.readsFrom === first.layer)}.`;
  }
}
