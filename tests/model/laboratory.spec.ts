import { modelSource, runningIn } from '#platform';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Begin, Measured, MeasureWork } from '../../worker/protocol/measure.ts';
import { openTask, workOf } from '../../worker/laboratory/tasks/open-task.ts';
import { resultsOf } from '../../worker/laboratory/tasks/task-results.ts';
import { expectAllClose } from '../support/all-close.ts';
import { shippedFolder } from '../support/golden.ts';
import { sampleOf } from '../support/samples.ts';
import { TestEngine, type TestBackend } from '../support/test-engine.ts';

/** See tests/fixtures/laboratory/README.md. */
type Request =
  | readonly [nats: number, greedy: boolean, margin: number, cut: number, tokens: number]
  | readonly [nats: number, tokens: number, windows: number];

interface Variant {
  readonly max_length: number;
  readonly tasks: Readonly<
    Record<
      string,
      {
        readonly results: Readonly<Record<string, unknown>>;
        readonly items: readonly (readonly Request[])[];
      }
    >
  >;
}

interface HiddenText {
  readonly text: string;
  readonly layers: Readonly<
    Record<string, { N: number; mnn: number | null; nuclear: number | null; entropy: number | null }>
  >;
}

const parse = async (folder: string, file: string) =>
  JSON.parse((await modelSource(folder).text(file)) ?? 'null') as unknown;
const fixtures = 'tests/fixtures/laboratory';
const tasks = modelSource('public/laboratory/tasks');
const reference = (await parse(fixtures, 'reference.json')) as Readonly<Record<string, Variant>>;
const hidden = (await parse(fixtures, 'hidden-reference.json')) as { texts: readonly HiddenText[] };

const open = async (name: string) =>
  openTask((await tasks.text(`${name}.yaml`)) ?? '', `${name}.yaml`, (file) => tasks.text(file));

/** All items at night. WebGPU in Node is a CPU too, and in Chromium a slow one. */
const platforms: readonly { backend: TestBackend; variants: readonly string[]; most: number }[] =
  runningIn === 'node'
    ? [
        {
          backend: 'cpu',
          variants: ['default', 'max256', 'no-bos'],
          most: sampleOf({ all: Infinity, node: 30, chromium: 0 }),
        },
        { backend: 'webgpu', variants: ['default'], most: sampleOf({ all: 4, node: 2, chromium: 1 }) },
      ]
    : [{ backend: 'webgpu', variants: ['default'], most: 1 }];

describe.each(platforms)('On the backend $backend', ({ backend, variants, most }) => {
  const engine = new TestEngine(backend);
  beforeAll(() => engine.load(shippedFolder('fairy-llama')));
  afterAll(() => engine.close());

  const measureAll = async (work: MeasureWork): Promise<readonly Measured[]> => {
    const found: Measured[] = [];
    await engine.measure({ work }, (event) => {
      if (event.type === 'measured') found[event.item] = event.measured;
    });
    return found;
  };

  describe.each(variants)('the harness’s results %s', (variant) => {
    const { max_length: maxLength, tasks: expected } = reference[variant] ?? { max_length: 0, tasks: {} };
    const begin: Begin = variant === 'no-bos' ? 'once' : 'harness';

    it.each(Object.keys(expected))('are met by the task %s', async (name) => {
      const opened = await open(name);
      const items = opened.items.slice(0, most);
      const measured = await measureAll(workOf({ ...opened, items }, { maxLength, begin }));
      for (const [i, requests] of (expected[name]?.items ?? []).slice(0, most).entries()) {
        expectSameItem(measured[i], requests, `${name} ${i}`);
      }
      const rest = (expected[name]?.items ?? []).slice(items.length).map(asMeasured);
      if (rest.includes(null)) return;
      // Whole results need every item: those that were not measured are the reference's.
      const whole = [...measured, ...rest.filter((item) => item !== null)];
      const { numbers } = await resultsOf({ ...opened, measured: whole }, 1000);
      const results = expected[name]?.results ?? {};
      expect(Object.keys(numbers).sort()).toEqual(Object.keys(results).sort());
      for (const [key, value] of Object.entries(results)) {
        if (typeof value !== 'number') expect(numbers[key]).toBe(value);
        else expectAllClose([Number(numbers[key])], [value], { absolute: 1e-9, relative: 2e-4 }, key);
      }
    });
  });

  it('measures the hidden states of the reference, layer by layer', async () => {
    const texts = hidden.texts.slice(0, runningIn === 'node' ? 4 : 1);
    const measured = await measureAll({ kind: 'hidden', items: texts, maxLength: 512 });
    for (const [i, { layers }] of texts.entries()) {
      const found = measured[i];
      if (found?.kind !== 'hidden') throw new Error('nothing was measured');
      for (const [name, wanted] of Object.entries(layers)) {
        const got = found.states[stateOf(name)];
        expect(found.tokens).toBe(wanted.N);
        if (wanted.mnn === null || wanted.nuclear === null || wanted.entropy === null) {
          expect(got).toEqual({ matrixNuclearNorm: null, nuclearNorm: null, entropy: null });
          continue;
        }
        expectAllClose(
          [got?.matrixNuclearNorm ?? NaN, got?.nuclearNorm ?? NaN, got?.entropy ?? NaN],
          [wanted.mnn / wanted.N, wanted.nuclear / wanted.N, wanted.entropy],
          { absolute: 1e-12, relative: 1e-3 },
          `text ${i}, ${name}`,
        );
      }
    }
  });
});

function expectSameItem(measured: Measured | undefined, requests: readonly Request[], what: string): void {
  if (measured?.kind === 'rolling') {
    const [request] = requests;
    if (request?.length !== 3) throw new Error(`${what} is no whole text`);
    expect(Math.abs(measured.logLikelihood - request[0]), what).toBeLessThan(
      1e-3 + 1e-6 * Math.abs(request[0]),
    );
    expect(measured.tokens, what).toBe(request[1]);
    return;
  }
  if (measured?.kind !== 'likelihood') throw new Error(`${what} was not measured`);
  expect(measured.requests).toHaveLength(requests.length);
  for (const [k, request] of requests.entries()) {
    if (request.length !== 5) throw new Error(`${what} is a whole text`);
    const [nats, greedy, margin, cut, tokens] = request;
    const got = measured.requests[k];
    expect(Math.abs((got?.logLikelihood ?? NaN) - nats), `${what}, request ${k}`).toBeLessThan(1e-3);
    expect(got, `${what}, request ${k}`).toMatchObject({ cut, tokens });
    if (margin > 1e-3) expect(got?.greedy, `${what}, request ${k}`).toBe(greedy);
  }
}

/** The reference's likelihoods as if they were measured here, or null for a whole text, whose words it does not count. */
function asMeasured(requests: readonly Request[]): Measured | null {
  const scored = requests.flatMap((request) => {
    if (request.length !== 5) return [];
    const [logLikelihood, greedy, , cut, tokens] = request;
    return [{ logLikelihood, greedy, cut, tokens }];
  });
  return scored.length < requests.length ? null : { kind: 'likelihood', requests: scored, kvBytes: 0 };
}

/** `layer3` is the state after the third layer; the last one stands before and after the final norm. */
function stateOf(name: string): number {
  if (name === 'embeddings') return 0;
  const layer = Number(/^layer(\d+)/.exec(name)?.[1]);
  return name.endsWith('after_final_norm') ? layer + 1 : layer;
}
