import 'fake-indexeddb/auto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Laboratory } from '../../../web/panels/laboratory/laboratory.svelte.ts';
import { RecordBook } from '../../../web/panels/laboratory/record-book.svelte.ts';
import { keptExperiments, keptRecords } from '../../../web/panels/laboratory/kept-experiments.ts';
import { textOfPaste } from '../../../web/panels/laboratory/texts.ts';
import { Playground } from '../../../web/playground/playground.svelte.ts';
import { canonicalJson } from '../../../worker/laboratory/canonical-json.ts';
import { sha256 } from '../../../worker/sha256.ts';
import type { LabEngine } from '../../../worker/laboratory/run-experiment.ts';
import { succeed } from '../../../worker/outcome.ts';
import type { EngineEvent } from '../../../worker/protocol/engine.ts';
import type { MeasureRequest } from '../../../worker/protocol/measure.ts';
import { openSpace } from '../../../worker/storage/space.ts';
import { MemoryLocks } from '../../support/memory-locks.ts';
import { factsOf, ScriptedEngine, settled, stored } from './scripted-engine.ts';

vi.stubGlobal('__KVTAB_ENGINE__', 'test');

const ITEMS = 6;
const tale = Array.from({ length: ITEMS }, (_, i) => `${JSON.stringify({ text: `Tale ${i}.` })}\n`).join('');

/** Measures one item whenever the test says so. */
class SteppedEngine implements LabEngine {
  measured: number[] = [];
  #go: (() => void) | null = null;
  isStopped = false;

  load: LabEngine['load'] = (request) => Promise.resolve(succeed(factsOf(request)));
  countWork: LabEngine['countWork'] = ({ work }) =>
    Promise.resolve(succeed({ tokens: work.items.map(() => 10) }));
  stop = () => {
    this.isStopped = true;
    this.step();
  };

  async measure({ work }: MeasureRequest, onEvent: (event: EngineEvent) => void) {
    this.isStopped = false;
    for (const item of work.items.keys()) {
      if (await this.#isStoppedNext()) return { ok: false, failure: { code: 'stopped' } } as const;
      this.measured.push(item);
      onEvent({
        type: 'measured',
        item,
        measured: {
          ...{ kind: 'rolling', logLikelihood: -10 - item, tokens: 9, words: 2, bytes: 8, kvBytes: 64 },
        },
      });
    }
    return succeed({ tokens: work.items.map(() => 10) });
  }

  async #isStoppedNext(): Promise<boolean> {
    await new Promise<void>((resolve) => (this.#go = resolve));
    return this.isStopped;
  }

  step(): void {
    const go = this.#go;
    this.#go = null;
    go?.();
  }

  get waits(): boolean {
    return this.#go !== null;
  }
}

/** A tab: pages of one browser share what it keeps, and its locks. */
class Tab {
  readonly engine = new SteppedEngine();
  readonly laboratory: Laboratory;

  private constructor(playground: Playground, locks: LockManager) {
    this.laboratory = new Laboratory(playground, this.engine, {
      pageUrl: 'https://page.test/',
      locks,
      summarize: () => Promise.resolve({ rows: [], notes: [], columns: [] }),
      modelIsReady: () => Promise.resolve(true),
    });
  }

  static async open(locks: LockManager): Promise<Tab> {
    const scripted = new ScriptedEngine();
    const playground = new Playground(scripted);
    playground.start(
      Promise.resolve([{ id: playground.config.model, name: '', description: '', kernels: [], stored }]),
    );
    await settled();
    const [request] = scripted.loads;
    if (request) scripted.answerLoad[0]?.({ ok: true, value: factsOf(request) });
    await settled();
    return new Tab(playground, locks);
  }

  async step(): Promise<void> {
    await vi.waitFor(() => {
      expect(this.engine.waits).toBe(true);
    });
    this.engine.step();
    await settled();
  }

  async finish(run: Promise<void>): Promise<void> {
    let done = false;
    void run.then(() => (done = true));
    await vi.waitFor(() => {
      this.engine.step();
      expect(done).toBe(true);
    });
  }
}

const experimentOf = (digest: string, seed = 1) => ({
  experiment: 1,
  seed,
  model: 'fairy-lckv',
  base: { backend: 'cpu' },
  measure: [
    {
      id: 'tales',
      kind: 'rolling',
      text: { sha256: digest, name: 'tales.jsonl' },
      column: 'text',
      maxLength: 9,
    },
  ],
});

describe('Two tabs with one experiment', () => {
  let locks: LockManager;
  let json: ReturnType<typeof experimentOf>;
  let id: string;
  let [first, second]: Tab[] = [];
  const tabs = () => {
    if (!first || !second) throw new Error('both are open');
    return [first, second] as const;
  };

  beforeEach(async () => {
    vi.stubGlobal('requestAnimationFrame', () => 1);
    vi.stubGlobal('cancelAnimationFrame', () => undefined);
    vi.stubGlobal('fetch', () => Promise.resolve(Response.json({ 'fairy-lckv': 'its digest' })));
    locks = new MemoryLocks() as unknown as LockManager; // the part that the page uses
    first = await Tab.open(locks);
    second = await Tab.open(locks);
    const text = await textOfPaste(tale);
    for (const tab of tabs()) await tab.laboratory.texts.keep(text);
    json = experimentOf(text.sha256);
    id = await sha256(canonicalJson(json));
  });
  afterEach(async () => {
    vi.unstubAllGlobals();
    vi.stubGlobal('__KVTAB_ENGINE__', 'test');
    for (const name of ['laboratory-experiments', 'laboratory-records', 'laboratory-texts']) {
      await openSpace(name, (value): value is unknown => value !== undefined).remove();
    }
  });

  it('run it in one of them at a time, and measure nothing twice', async () => {
    const [one, other] = tabs();
    await one.laboratory.open(json);
    await other.laboratory.open(json);
    const running = one.laboratory.run();
    await one.step();
    await one.step();
    await other.laboratory.run();
    expect(other.laboratory.failure).toMatchObject({ code: 'bad-request' });
    expect(JSON.stringify(other.laboratory.failure)).toContain('another tab runs it');
    expect(other.laboratory.elsewhere).toBe(true);
    one.laboratory.stop();
    await running;

    // The other one takes over what is known, and goes on from there.
    await vi.waitFor(() => {
      expect(other.laboratory.elsewhere).toBe(false);
    });
    expect(other.laboratory.records).toHaveLength(2);
    await other.finish(other.laboratory.run());
    expect(one.engine.measured).toEqual([0, 1]);
    expect(other.engine.measured).toHaveLength(ITEMS - 2);
    expect(await keptRecords(id)).toHaveLength(ITEMS);

    // The first one had only two of them in sight. It finds the others before it measures anything.
    await one.laboratory.run();
    expect(one.laboratory.records).toHaveLength(ITEMS);
    expect(one.engine.measured).toHaveLength(2);
  });

  it('show, when it is opened, that the other one runs it, and its results when it ends', async () => {
    const [one, other] = tabs();
    await one.laboratory.open(json);
    const running = one.laboratory.run();
    await one.step();
    await other.laboratory.open(json);
    expect(other.laboratory.elsewhere).toBe(true);
    await one.finish(running);
    await vi.waitFor(() => {
      expect(other.laboratory.records).toHaveLength(ITEMS);
    });
    expect(other.laboratory.elsewhere).toBe(false);
  });

  it('delete nothing that the other one runs', async () => {
    const [one, other] = tabs();
    await one.laboratory.open(json);
    const running = one.laboratory.run();
    await one.step();
    await other.laboratory.restore();
    other.laboratory.close();
    await other.laboratory.remove(id);
    expect(other.laboratory.removed).toBeNull();
    expect(JSON.stringify(other.laboratory.failure)).toContain('another tab runs it');
    await one.finish(running);
    expect(await keptExperiments()).toHaveLength(1);
    expect(await keptRecords(id)).toHaveLength(ITEMS);
  });

  it('keep a text that the other one has no experiment for, and take it back with a deleted one', async () => {
    const [one, other] = tabs();
    const mine = await textOfPaste('A text of my own.');
    await one.laboratory.texts.keep(mine);
    const own = {
      ...experimentOf(mine.sha256),
      measure: [{ kind: 'rolling', text: { sha256: mine.sha256 } }],
    };
    await one.laboratory.open(own);
    // The other tab forgets what no experiment names.
    await other.laboratory.open(json);
    await other.finish(other.laboratory.run());
    await one.finish(one.laboratory.run());
    const texts = openSpace('laboratory-texts', (value): value is string => typeof value === 'string');
    expect(await texts.get([mine.sha256])).toBe('A text of my own.');

    const ownId = await sha256(canonicalJson(own));
    await one.laboratory.remove(ownId);
    await other.laboratory.open({ ...json, seed: 2 });
    await other.finish(other.laboratory.run());
    expect(await texts.get([mine.sha256])).toBeUndefined();
    await one.laboratory.takeBack();
    expect(await texts.get([mine.sha256])).toBe('A text of my own.');
    expect(await keptRecords(ownId)).toHaveLength(1);
  });
});

it('A record is added to the others without a copy of them, and counted in its cell', () => {
  const book = new RecordBook();
  const measured = { kind: 'recall', told: -1, untold: -2, tokens: 3, kvBytes: 4 } as const;
  const { all } = book;
  for (let item = 0; item < 1000; item++) {
    book.add({ key: '', row: item % 4, measure: 'recall', item, measured, ms: 1 });
  }
  book.tell();
  expect(book.all).toBe(all);
  expect(all).toHaveLength(1000);
  expect(book.countOf(3, 'recall')).toBe(250);
  expect(book.countOf(3, 'other')).toBe(0);
  book.replace(all.slice(0, 4));
  expect(book.countOf(3, 'recall')).toBe(1);
});
