import { afterAll, describe, expect, it } from 'vitest';
import { BackendError } from '../../gpu/backend-error.ts';
import type { ModelWeights, Session } from '../../gpu/backend.ts';
import type { Mode } from '../../gpu/plan/forward-plan.ts';
import { kvRowBytes, type KvPrecision } from '../../gpu/kv/usage.ts';
import { kvOwners, type KvOwner, type Sharing } from '../../gpu/plan/sharing.ts';
import { hardwareTuning } from '../../gpu/webgpu/tuning.ts';
import type { WebGpuBackend } from '../../gpu/webgpu/backend.ts';
import { arbitrarySharing, layersOf } from '../support/arbitrary-plans.ts';
import { openGpuBackend, putRandomModel, tinyDims } from '../support/random-model.ts';
import { sampleOf } from '../support/samples.ts';
import { fc } from '../support/seeded-properties.ts';

/** NaN both as float32 and as two float16. */
const poison = 0x7fc07fc0;
/** More than the rows of a ring, so that every ring wraps. */
const capacityTokens = 48;
const stepsInFlight = 8;
const passes = { forward: 2, backward: 1 };

const arbitraryText = fc.record({
  sharing: arbitrarySharing(tinyDims.layerCount).filter(
    ({ layers }) => layers.length === tinyDims.layerCount,
  ),
  kvPrecision: fc.constantFrom('f16' as const, 'f32' as const),
  promptTokens: fc.integer({ min: 1, max: 30 }),
  modes: fc.tuple(
    fc.constantFrom('sequential' as const, 'parallel' as const),
    fc.constantFrom('sequential' as const, 'parallel' as const),
  ),
});

/** The rows of a cache that the token at `position` sees in some layer, or may see. */
function neededRows({ windowed }: KvOwner, { windowTokens }: Sharing, position: number): ReadonlySet<number> {
  const first = windowed ? Math.max(0, position - windowTokens + 1) : 0;
  const rows = windowed ? windowTokens + stepsInFlight : capacityTokens;
  const positions = Array.from({ length: position - first }, (_, i) => first + i);
  return new Set(positions.map((seen) => seen % rows));
}

/** Writes NaN into the rows of every cache of the one open session that `chosen` chooses. */
function poisonRows(
  { context }: WebGpuBackend,
  sharing: Sharing,
  kvPrecision: KvPrecision,
  chosen: (owner: KvOwner, row: number) => boolean,
): void {
  const rowBytes = kvRowBytes(tinyDims, kvPrecision);
  const caches = context.ledger.entries().filter(({ owner }) => owner === 'kv');
  for (const owner of kvOwners(sharing.layers)) {
    const cache = caches.find(({ label }) => label === `layer-${owner.layer}`);
    if (!cache) throw new Error(`the ledger knows no cache of layer ${owner.layer}`);
    for (let row = 0; (row + 1) * rowBytes <= cache.bytes; row++) {
      if (!chosen(owner, row)) continue;
      context.device.queue.writeBuffer(
        cache.buffer,
        row * rowBytes,
        new Uint32Array(rowBytes / 4).fill(poison),
      );
    }
  }
}

async function read(session: Session, tokens: readonly number[], mode: Mode): Promise<number[]> {
  const logits: number[] = [];
  await session.prefill(tokens, {
    mode,
    logitsAt: [...tokens.keys()],
    onLogits: (_, row) => logits.push(...row),
    onProgress: () => undefined,
    stopped: () => false,
  });
  return logits;
}

describe.each([
  { name: "a software adapter's kernels", options: {}, runs: sampleOf({ all: 200, node: 30, chromium: 8 }) },
  // These kernels are slow on test machines. The chunks are small, so that several of them are tested.
  {
    name: "a GPU's kernels",
    options: { tuning: { ...hardwareTuning, chunkRows: 5, attendWorkgroup: 8 } },
    runs: sampleOf({ all: 40, node: 5, chromium: 1 }),
  },
])('With $name', ({ options, runs }) => {
  const opened = openGpuBackend(options);
  const model = opened.then((backend) => putRandomModel([backend], tinyDims, layersOf('0_1_2_3')));
  afterAll(async () => (await opened).destroy());

  /** All logits of two turns, with a change to the caches before each of them. */
  async function logitsOf(
    text: typeof arbitraryText extends fc.Arbitrary<infer T> ? T : never,
    before: (turn: 0 | 1) => void = () => undefined,
  ): Promise<number[]> {
    const { sharing, kvPrecision, promptTokens, modes } = text;
    const [weights] = (await model) as [ModelWeights];
    const session = await weights.open({ sharing, passes, kvPrecision, capacityTokens });
    try {
      before(0);
      const prompt = Array.from({ length: promptTokens }, (_, i) => (7 * i) % tinyDims.vocabSize);
      const first = await read(session, prompt, modes[0]);
      before(1);
      return [...first, ...(await read(session, [3, 1, 4, 1, 5], modes[1]))];
    } finally {
      session.close();
    }
  }

  it('NaN in every row that must not be read changes no logit', async () => {
    const backend = await opened;
    await fc.assert(
      fc.asyncProperty(arbitraryText, async (text) => {
        const { sharing, kvPrecision, promptTokens } = text;
        const poisoned = await logitsOf(text, (turn) => {
          const position = turn === 0 ? 0 : promptTokens;
          poisonRows(
            backend,
            sharing,
            kvPrecision,
            (owner, row) => !neededRows(owner, sharing, position).has(row),
          );
        });
        expect(poisoned).toEqual(await logitsOf(text));
      }),
      { numRuns: runs },
    );
  });

  it('NaN in a row that must be read changes the logits of its readers', async () => {
    const backend = await opened;
    await fc.assert(
      fc.asyncProperty(arbitraryText, fc.nat(3), async (text, choice) => {
        const { kvPrecision, promptTokens } = text;
        // A window of one token sees no earlier position.
        const sharing = { ...text.sharing, windowTokens: text.sharing.windowTokens + 1 };
        const owners = kvOwners(sharing.layers);
        const victim = owners[choice % owners.length]?.layer;
        const poisoned = logitsOf({ ...text, sharing }, (turn) => {
          if (turn === 0) return;
          poisonRows(backend, sharing, kvPrecision, (owner, row) => {
            const rows = owner.windowed ? sharing.windowTokens + stepsInFlight : capacityTokens;
            return owner.layer === victim && row === (promptTokens - 1) % rows;
          });
        });
        // Either the NaN reaches the logits, and the run fails, or attention whose weights sum to NaN counts as attention
        // to nothing, and the logits change. Adapters differ in that.
        const logits = await poisoned.catch((error: unknown) => {
          if (error instanceof BackendError && error.failure.code === 'not-finite') return error.failure;
          throw error;
        });
        if (!Array.isArray(logits)) {
          expect(logits.position).toBeGreaterThanOrEqual(promptTokens);
          return;
        }
        const before = promptTokens * tinyDims.vocabSize;
        const clean = await logitsOf({ ...text, sharing });
        expect(logits.slice(0, before)).toEqual(clean.slice(0, before));
        expect(logits.slice(before)).not.toEqual(clean.slice(before));
      }),
      { numRuns: runs },
    );
  });
});
