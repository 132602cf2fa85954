import { describe, expect, it, vi } from 'vitest';
import { defaultConfig, type PlaygroundConfig } from '../../../web/settings/settings.ts';
import type { Playground } from '../../../web/playground/playground.svelte.ts';
import { Exporter } from '../../../web/panels/export/exporter.svelte.ts';
import type { ExportResult } from '../../../worker/protocol/export.ts';
import type { EngineEvent } from '../../../worker/protocol/engine.ts';
import type { ExportRequest } from '../../../worker/protocol/export.ts';
import type { Outcome } from '../../../worker/protocol/failure.ts';

const config: PlaygroundConfig = { ...defaultConfig, layerTypes: ' 0_0 ', slidingWindow: 9 };
const result: ExportResult = { end: 'complete', name: 'x', files: [], bytes: 0, zip: null, readBy: 'lckv' };

/** An exporter with an engine that answers when the test tells it to. */
function opened(phase: 'ready' | 'loading', runnable = true) {
  const asked: ExportRequest[] = [];
  let answer: (outcome: Outcome<ExportResult>) => void = () => undefined;
  let receive: (event: EngineEvent) => void = () => undefined;
  const stop = vi.fn();
  const engine = {
    stop,
    export: (request: ExportRequest, onEvent: typeof receive) => {
      asked.push(request);
      receive = onEvent;
      return new Promise<Outcome<ExportResult>>((resolve) => (answer = resolve));
    },
  };
  const playground = { phase: { at: phase }, runnable, config } as unknown as Playground; // what it reads
  const exporter = new Exporter(playground, engine);
  return {
    exporter,
    asked,
    stop,
    answer: (outcome: Outcome<ExportResult>) => answer(outcome),
    receive: (event: EngineEvent) => receive(event),
  };
}

describe('The exporter', () => {
  it('exports the edited plan, and shows its progress', async () => {
    const { exporter, asked, answer, receive } = opened('ready');
    exporter.round = 'f16';
    const exporting = exporter.export({ to: 'zip' });
    expect(asked).toMatchObject([
      { config: { layerTypes: '0_0', slidingWindow: 9 }, round: 'f16', to: { to: 'zip' } },
    ]);
    receive({ type: 'export', file: 'config.json', writtenBytes: 1, totalBytes: 2 });
    expect(exporter.phase).toEqual({ at: 'exporting', file: 'config.json', writtenBytes: 1, totalBytes: 2 });
    await exporter.export({ to: 'zip' });
    expect(asked.length).toBe(1);
    answer({ ok: true, value: result });
    await exporting;
    expect(exporter.phase).toEqual({ at: 'ended', result });
  });

  it('shows a failure, and can try again', async () => {
    const { exporter, answer } = opened('ready');
    const exporting = exporter.export({ to: 'zip' });
    answer({ ok: false, failure: { code: 'export-failed', file: 'x', reason: 'full' } });
    await exporting;
    expect(exporter.phase).toMatchObject({ at: 'failed', failure: { code: 'export-failed' } });
    expect(exporter.possible).toBe(true);
  });

  it('does nothing if no model is loaded or the plan cannot run', async () => {
    for (const { exporter, asked } of [opened('loading'), opened('ready', false)]) {
      await exporter.export({ to: 'zip' });
      expect(asked).toEqual([]);
    }
  });

  it('stops the engine only while it exports, because a stop would also end a run', () => {
    const { exporter, stop } = opened('ready');
    exporter.cancel();
    expect(stop).not.toHaveBeenCalled();
    void exporter.export({ to: 'zip' });
    exporter.cancel();
    expect(stop).toHaveBeenCalledOnce();
  });
});
