import type { ExportTarget, RoundTo } from '../../../worker/protocol/export.ts';
import { toSharingConfig } from '../../settings/requests.ts';
import type { EngineClient } from '../../playground/engine-client.ts';
import type { Playground } from '../../playground/playground.svelte.ts';
import { downloadZip } from './download-zip.ts';
import type { ExportPhase } from './export-line.ts';

/** Exports the loaded model under the current plan, one export at a time. */
export class Exporter {
  phase = $state.raw<ExportPhase>({ at: 'idle' });
  /** What 32-bit numbers are rounded to. */
  round = $state<RoundTo>('bf16');

  readonly exporting = $derived(this.phase.at === 'exporting');
  readonly #playground: Playground;
  readonly #engine: Pick<EngineClient, 'export' | 'stop'>;
  readonly possible = $derived.by(
    () => this.#playground.phase.at === 'ready' && this.#playground.runnable && !this.exporting,
  );

  constructor(playground: Playground, engine: Pick<EngineClient, 'export' | 'stop'>) {
    this.#playground = playground;
    this.#engine = engine;
  }

  /** Does nothing if no model is loaded, or if the plan cannot run. */
  async export(to: ExportTarget): Promise<void> {
    const config = toSharingConfig(this.#playground.config);
    if (!this.possible || !config) return;
    this.phase = { at: 'exporting', file: '', writtenBytes: 0, totalBytes: 0 };
    const outcome = await this.#engine.export({ config, round: this.round, to }, (event) => {
      if (event.type === 'export') {
        const { file, writtenBytes, totalBytes } = event;
        this.phase = { at: 'exporting', file, writtenBytes, totalBytes };
      }
    });
    if (outcome.ok) {
      const { zip, name } = outcome.value;
      if (zip) downloadZip(zip, `${name}.zip`);
      this.phase = { at: 'ended', result: outcome.value };
    } else {
      this.phase = { at: 'failed', failure: outcome.failure };
    }
  }

  cancel(): void {
    if (this.exporting) this.#engine.stop();
  }
}
