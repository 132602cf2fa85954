import { toFloat32 } from '../numbers/element-type.ts';
import { scratchSlots } from '../kv/slots.ts';
import { kvRowBytes } from '../kv/usage.ts';
import type { Group } from '../plan/forward-plan.ts';
import { frozenAfter, mayFreeze, withFrozen } from '../kv/freezing.ts';
import type { LayerType } from '../plan/layer-types.ts';
import { ownersReadFromBelow } from '../plan/movement.ts';
import { prefillSchedule, type PrefillPass } from '../plan/prefill-schedule.ts';
import type { Turn, TurnOptions } from '../cpu/decoder.ts';
import { movements } from '../cpu/movements.ts';
import type { Address } from './kernels.ts';
import type { FreshRows, KvTarget, Query } from './query.ts';
import type { SharedByTexts } from './shared.ts';
import { padded } from '../numbers/panels.ts';

/** Room that is freed when the turns were read. */
type Take = (what: string, bytes: number) => Address;

/** A text as a prefill asks it where the rows of its turn go and what they see. */
export interface ReadingText {
  /** Positions before the turn. */
  readonly tokens: number;
  /** Which queries of a turn its policy scores: all, or the newest; none if it keeps everything. */
  readonly scores: 'all' | 'newest' | 'none';
  /** Whether its policy scores rows, by queries or by keys. */
  readonly isScored: boolean;
  /** Begins a turn. @returns where its keys and values lie, by owner */
  startTurn(count: number, take: Take): ReadonlyMap<number, Address>;
  /** Where an owner's key and value of a position go. */
  turnTarget(owner: number, position: number, fresh: FreshRows): KvTarget;
  /** Notes that the layers wrote them; the keys are those of this row of the block. */
  turnWritten(owner: number, position: number, blockRow: number): void;
  /** @param scored which queries count for the policy */
  turnQuery(
    layer: LayerType,
    position: number,
    fresh: FreshRows,
    scored: (position: number) => boolean,
  ): Query;
  /** The turn was read. */
  endTurn(fresh: FreshRows): void;
}

type ReadTurn = Turn & { readonly text: ReadingText };

/** A turn, and where it lies. */
interface PlacedTurn extends ReadTurn {
  /** Its first row among those of all turns. */
  readonly firstRow: number;
  readonly fresh: FreshRows;
  /** Whether passes leave out rows, and how many, from the first on, they leave out now. */
  readonly freezes: boolean;
  frozen: number;
}

/** A row of one of the turns. */
interface TurnRow {
  readonly turn: PlacedTurn;
  readonly position: number;
}

/**
 * Reads a whole turn of each of some texts, layer by layer, iterating the groups that read above themselves. The rows of
 * all texts go through every matrix together. Every sum is taken in the same order however many rows there are.
 *
 * @returns the hidden states of each turn
 */
export async function prefillTogether(
  shared: SharedByTexts,
  turns: readonly ReadTurn[],
  options: TurnOptions,
): Promise<readonly (readonly Float32Array[])[]> {
  const hidden = new Map<ReadTurn, readonly Float32Array[]>();
  const allRows = rowsOf(turns);
  let done = 0;
  for (const alike of turnsAlike(turns)) {
    const from = done;
    done += rowsOf(alike);
    const breathe = (fraction: number) => options.breathe((from + fraction * (done - from)) / allRows);
    const read = await new Prefill(shared, alike, { ...options, breathe }).run();
    for (const [i, turn] of alike.entries()) hidden.set(turn, read[i] ?? []);
  }
  return turns.map((turn) => hidden.get(turn) ?? []);
}

/** Turns that have the same schedule. */
function turnsAlike(turns: readonly ReadTurn[]): Iterable<readonly ReadTurn[]> {
  const alike = new Map<string, ReadTurn[]>();
  for (const turn of turns) {
    const key = `${turn.text.tokens === 0} ${turn.text.scores}`;
    alike.set(key, [...(alike.get(key) ?? []), turn]);
  }
  return alike.values();
}

const rowsOf = (turns: readonly Turn[]) => turns.reduce((sum, { tokens }) => sum + tokens.length, 0);

class Prefill {
  readonly #shared: SharedByTexts;
  readonly #options: TurnOptions;
  readonly #turns: readonly PlacedTurn[];
  readonly #rows: readonly TurnRow[];
  readonly #lastRows: readonly TurnRow[];
  readonly #hidden: Address; //   [rows, hiddenSize]
  readonly #entering: Address; // [rows, hiddenSize], what entered the group that is iterated
  readonly #taken: Address[] = [];

  constructor(shared: SharedByTexts, turns: readonly ReadTurn[], options: TurnOptions) {
    this.#shared = shared;
    this.#options = options;
    try {
      this.#hidden = this.#take('hidden', this.#hiddenBytes * rowsOf(turns));
      this.#entering = this.#take('entering', this.#hiddenBytes * rowsOf(turns));
      let firstRow = 0;
      this.#turns = turns.map((turn): PlacedTurn => {
        const [start, count] = [turn.text.tokens, turn.tokens.length];
        const rows = turn.text.startTurn(count, (what, bytes) => this.#take(what, bytes));
        const fresh = { start, count, slots: scratchSlots(count, start), rows };
        firstRow += count;
        const { onHidden, onAttention } = turn;
        const freezes = mayFreeze(options.passes, { scores: turn.text.isScored, onHidden, onAttention });
        return { ...turn, firstRow: firstRow - count, fresh, freezes, frozen: 0 };
      });
    } catch (error) {
      this.#free();
      throw error;
    }
    this.#rows = this.#turns.flatMap((turn) =>
      turn.tokens.map((_, i) => ({ turn, position: turn.fresh.start + i })),
    );
    this.#lastRows = this.#turns.map((turn) => ({
      turn,
      position: turn.fresh.start + turn.fresh.count - 1,
    }));
  }

  async run(): Promise<readonly (readonly Float32Array[])[]> {
    try {
      for (const [row, { turn, position }] of this.#rows.entries()) {
        this.#shared.embed(turn.tokens[position - turn.fresh.start] ?? 0, this.#rowAt(row));
      }
      this.#showHidden(0);
      const { sharing } = this.#shared.options;
      const [first] = this.#turns;
      const scores = first?.text.scores ?? 'none';
      const schedule = prefillSchedule(sharing, this.#options.passes, {
        firstTurn: first?.fresh.start === 0,
        everyRow: this.#options.everyRow || scores === 'all',
      });
      const work = schedule.reduce((sum, { steps }) => sum + steps.length, 0);
      let done = 0;
      const relative = this.#turns.map((): number[] => []);
      for (const pass of schedule) {
        const lastPass = pass.pass === pass.passes - 1;
        if (pass.pass === 0) for (const turn of this.#turns) turn.frozen = 0;
        const watched = this.#turns.map(
          (turn) =>
            (turn.freezes || turn.onMovement !== undefined) &&
            pass.group.iterated &&
            this.#rowsReadFromBelow(pass.group, turn),
        );
        this.#enterPass(pass);
        for (const step of pass.steps) {
          const counts = lastPass && scores !== 'none';
          const asked = lastPass && this.#turns.some(({ onAttention }) => onAttention !== undefined);
          const seesOnlyZeros = step.seesOnlyZeros && !counts && !asked;
          // The states that leave a group are those above its last layer, whose KV does not change once more.
          const leaving = lastPass && step.layer === pass.group.stop - 1;
          const rows = leaving ? this.#rows : this.#rows.filter((row) => !isFrozen(row));
          await this.#layer({ ...step, seesOnlyZeros }, rows, lastPass, counts, (ofStep) =>
            this.#options.breathe((done + ofStep) / work),
          );
          if (lastPass) this.#showHidden(step.layer + 1);
          done++;
        }
        for (const [i, turn] of this.#turns.entries()) {
          const before = watched[i];
          if (!before) continue;
          const moved = movements(before, this.#rowsReadFromBelow(pass.group, turn));
          relative[i]?.push(...withFrozen(moved, turn.frozen));
          if (turn.freezes) turn.frozen = frozenAfter(moved, turn.frozen, this.#shared.options.kvPrecision);
          if (!lastPass) continue;
          const all = Float32Array.from(relative[i] ?? []);
          turn.onMovement?.({ group: pass.group, passes: pass.passes, relative: all });
          relative[i] = [];
        }
      }
      for (const { text, fresh } of this.#turns) text.endTurn(fresh);
      return this.#turns.map((turn) => this.#hiddenOf(turn));
    } finally {
      this.#free();
    }
  }

  /** Every pass of a group starts from the hidden states that entered the group; a row that is left out keeps its own. */
  #enterPass({ group, pass, passes }: PrefillPass): void {
    if (!group.iterated || passes === 1) return;
    const [from, to] = pass === 0 ? [this.#hidden, this.#entering] : [this.#entering, this.#hidden];
    const shared = this.#shared;
    for (const { firstRow, tokens, frozen } of this.#turns) {
      const first = firstRow + frozen;
      const bytes = this.#hiddenBytes * (tokens.length - frozen);
      shared.memory.copy(shared.rowOf(from, first), shared.rowOf(to, first), bytes);
    }
  }

  /** One layer for the rows that the schedule asks for, in blocks. */
  async #layer(
    { layer, work, ownsKv, seesOnlyZeros }: PrefillPass['steps'][number],
    all: readonly TurnRow[],
    lastPass: boolean,
    scored: boolean,
    breathe: (fraction: number) => Promise<void>,
  ): Promise<void> {
    const { layers, memory, options, blockRows, hidden: lasts } = this.#shared;
    const inPlace = (row: TurnRow) => this.#indexOf(row);
    const kvBlocks = ownsKv ? blocksOf(all, blockRows, inPlace) : [];
    const lastBlocks = () => blocksOf(this.#lastRows, blockRows, (row) => this.#lastRows.indexOf(row));
    const restBlocks =
      work === 'kv' ? [] : work === 'last' ? lastBlocks() : blocksOf(all, blockRows, inPlace);
    const blocks = kvBlocks.length + restBlocks.length;
    let done = 0;
    for (const { first, rows } of kvBlocks) {
      const targets = rows.map(({ turn, position }) => turn.text.turnTarget(layer, position, turn.fresh));
      layers.writeKv(layer, { hidden: this.#rowAt(first), count: rows.length }, targets);
      for (const [i, { turn, position }] of rows.entries()) turn.text.turnWritten(layer, position, i);
      await breathe(++done / blocks);
    }
    const reader = options.sharing.layers[layer];
    if (!reader) throw new RangeError(`layer ${layer}`);
    // The last rows are no neighbors, so they are gathered.
    const gathered = work === 'last' ? this.#lastRows : [];
    for (const [i, row] of gathered.entries()) {
      memory.copy(this.#rowAt(this.#indexOf(row)), this.#shared.rowOf(lasts, i), this.#hiddenBytes);
    }
    for (const { first, rows } of restBlocks) {
      const hidden = work === 'last' ? this.#shared.rowOf(lasts, first) : this.#rowAt(first);
      const queries = rows.map(({ turn, position }) => {
        const newest = turn.fresh.start + turn.fresh.count - 1;
        const counts = (each: number) => scored && (turn.text.scores === 'all' || each === newest);
        const query = turn.text.turnQuery(reader, position, turn.fresh, counts);
        return lastPass && position === newest ? { ...query, onAttention: turn.onAttention } : query;
      });
      layers.finish(layer, { hidden, count: rows.length }, seesOnlyZeros ? 'zeros' : queries);
      await breathe(++done / blocks);
    }
    for (const [i, row] of gathered.entries()) {
      memory.copy(this.#shared.rowOf(lasts, i), this.#rowAt(this.#indexOf(row)), this.#hiddenBytes);
    }
  }

  /** What the layers of a group read from below, of every new position that is not frozen: `[rows][owner]`. */
  #rowsReadFromBelow(group: Group, { fresh, frozen }: PlacedTurn): Float32Array[][] {
    const { memory, dims } = this.#shared;
    const { sharing, kvPrecision } = this.#shared.options;
    const rowBytes = kvRowBytes(dims, kvPrecision);
    const owners = ownersReadFromBelow(sharing, group).flatMap((owner) => fresh.rows.get(owner) ?? []);
    return Array.from({ length: fresh.count - frozen }, (_, i) =>
      owners.map((rows) => toFloat32(memory.bytes(rows + (frozen + i) * rowBytes, rowBytes), kvPrecision)),
    );
  }

  #showHidden(state: number): void {
    for (const turn of this.#turns) turn.onHidden?.(state, this.#hiddenOf(turn));
  }

  #hiddenOf({ firstRow, tokens }: PlacedTurn): readonly Float32Array[] {
    return tokens.map((_, i) => this.#shared.read(this.#rowAt(firstRow + i)));
  }

  #indexOf({ turn, position }: TurnRow): number {
    return turn.firstRow + position - turn.fresh.start;
  }

  #rowAt(row: number): Address {
    return this.#shared.rowOf(this.#hidden, row);
  }

  get #hiddenBytes(): number {
    return 4 * padded(this.#shared.dims.hiddenSize);
  }

  #take(what: string, bytes: number): Address {
    const address = this.#shared.memory.allocate(`prefill/${what}`, bytes);
    this.#taken.push(address);
    return address;
  }

  #free(): void {
    for (const address of this.#taken.splice(0)) this.#shared.memory.free(address);
  }
}

const isFrozen = ({ turn, position }: TurnRow) => position - turn.fresh.start < turn.frozen;

/**
 * Rows in blocks of neighbors, which go through a matrix together.
 *
 * @param mostRows of a block
 * @param placeOf  where a row lies
 */
function blocksOf(rows: readonly TurnRow[], mostRows: number, placeOf: (row: TurnRow) => number) {
  const blocks: { readonly first: number; readonly rows: TurnRow[] }[] = [];
  for (const row of rows) {
    const [block, place] = [blocks.at(-1), placeOf(row)];
    if (block && block.rows.length < mostRows && block.first + block.rows.length === place)
      block.rows.push(row);
    else blocks.push({ first: place, rows: [row] });
  }
  return blocks;
}
