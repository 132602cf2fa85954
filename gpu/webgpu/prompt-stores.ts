import { rowAt } from '../kv/rows.ts';
import { scratchSlots, type SlotLayout } from '../kv/slots.ts';
import type { PromptStore } from './eviction.ts';
import type { HeldStore } from './evicting-layer.ts';
import type { PrefillScratch, ScratchSizes } from './prefill-scratch.ts';
import { RowTables, type RowAt } from './row-tables.ts';
import type { SessionBuffers, StepStore } from './session-buffers.ts';

/** New positions of one text, from `start` on, whose tokens lie in `session.tokens`. */
export interface TurnOfText {
  readonly session: SessionBuffers;
  readonly start: number;
  readonly rows: number;
}

/** A store while prompts are read. */
export interface PromptStoreBuffer extends StepStore {
  /** Of each turn. */
  readonly layouts: readonly SlotLayout[];
}

/** Where the rows of turns lie in a store that only a prefill has. */
interface PlacedRows {
  /** Of each turn. */
  readonly firsts: readonly number[];
  /** Rows before those of each turn. */
  readonly befores: readonly number[];
  /** Of all turns. */
  readonly slots: number;
}

/** Slots that turns need in stores that only a prefill has, by owner. */
export interface TurnSlots {
  /** In place of rings. */
  readonly windowed: ReadonlyMap<number, PlacedRows>;
  /** Under a policy; null if everything is kept. */
  readonly evicting: ReadonlyMap<number, PlacedRows> | null;
}

/** Rows before a turn that its first row sees through a window. */
export const rowsSeenBefore = (start: number, windowTokens: number) => Math.min(start, windowTokens - 1);

/** The stores of turns that are read together, behind one another. All have stores of the same kinds. */
export function placeTurns(turns: readonly TurnOfText[], windowTokens: number): TurnSlots {
  const placed = (beforeOf: (turn: TurnOfText) => number): PlacedRows => {
    let slots = 0;
    const firsts: number[] = [];
    const befores = turns.map(beforeOf);
    for (const [i, { rows }] of turns.entries()) {
      firsts.push(slots);
      slots += (befores[i] ?? 0) + rows;
    }
    return { firsts, befores, slots };
  };
  const session = turns[0]?.session;
  const rings = [...(session?.storeBuffers ?? [])].filter(([, { slots }]) => slots.kind === 'ring');
  const inWindow = placed(({ start }) => rowsSeenBefore(start, windowTokens));
  return {
    windowed: new Map(rings.map(([owner]) => [owner, inWindow])),
    evicting: session?.eviction
      ? new Map(
          [...session.storeBuffers.keys()].map((owner) => [
            owner,
            placed((turn) => turn.session.stores.of(owner).rows),
          ]),
        )
      : null,
  };
}

/** The same as sizes of scratch. */
export const slotsIn = ({ windowed, evicting }: TurnSlots): Pick<ScratchSizes, 'windowed' | 'evicting'> => {
  const sizes = (placed: ReadonlyMap<number, PlacedRows>) =>
    new Map([...placed].map(([owner, { slots }]) => [owner, slots]));
  return { windowed: sizes(windowed), evicting: evicting && sizes(evicting) };
};

/** How stores of a kind are read and written, for each turn. */
type TablesByTurn = ReadonlyMap<string, readonly RowAt[]>;

interface NamedStore {
  readonly owner: number;
  readonly layouts: readonly SlotLayout[];
  /** Whether it stands in for rings. */
  readonly standsIn: boolean;
  readonly read: string;
  readonly write: string;
  /** Of each turn; null if everything is kept. */
  readonly prompts: readonly Omit<PromptStore, 'kv' | 'held' | 'added'>[] | null;
}

/** The stores as turns see them, and the row tables that this takes. */
export interface NamedStores {
  readonly tables: TablesByTurn;
  readonly stores: readonly NamedStore[];
}

export function nameStores(turns: readonly TurnOfText[], { windowed, evicting }: TurnSlots): NamedStores {
  const tables = new Map<string, readonly RowAt[]>();
  const owners = [...(turns[0]?.session.storeBuffers.keys() ?? [])];
  const stores = owners.map((owner): NamedStore => {
    const held = evicting?.get(owner);
    if (held) {
      const prompts = turns.map(({ rows }, i) => {
        const before = held.befores[i] ?? 0;
        return { first: held.firsts[i] ?? 0, before, slots: before + rows };
      });
      const layouts = turns.map(({ start }, i) => {
        const { first = 0, before = 0, slots = 0 } = prompts[i] ?? {};
        return { ...scratchSlots(slots, start - before), firstSlot: first };
      });
      const rows = turns.map(({ session: { eviction, unturned }, start }, i) => {
        const prompt = prompts[i];
        if (!eviction || !prompt) throw new Error('a turn of a group has no policy');
        return eviction.promptRowsOf(prompt, start, unturned);
      });
      const name = `after ${held.befores.join()}`;
      const [read, write] = [name, `to write ${name}`];
      tables.set(
        read,
        rows.map((each) => each.read),
      );
      tables.set(
        write,
        rows.map((each) => each.write),
      );
      return { owner, layouts, standsIn: false, read, write, prompts };
    }
    const scratch = windowed.get(owner);
    const layouts = turns.map(({ session, start, rows }, i) => {
      const own = session.storeBuffers.get(owner)?.slots;
      if (!own) throw new Error(`layer ${owner} owns no KV`);
      if (!scratch) return own;
      const before = scratch.befores[i] ?? 0;
      return { ...scratchSlots(before + rows, start - before), firstSlot: scratch.firsts[i] ?? 0 };
    });
    const name = layouts.map(({ kind, firstSlot }) => `${kind} from ${firstSlot}`).join();
    tables.set(
      name,
      turns.map(({ session }, i): RowAt => {
        const layout = layouts[i];
        if (!layout) throw new RangeError(`turn ${i}`);
        return (position) => rowAt(layout, position, session.place);
      }),
    );
    return { owner, layouts, standsIn: scratch !== undefined, read: name, write: name, prompts: null };
  });
  return { tables, stores };
}

/** A row of a prefill: a position of one of its turns. */
export interface RowOfTurn {
  readonly turn: number;
  readonly position: number;
}

/** The row tables of a prefill. */
export const tablesOf = (tables: TablesByTurn, rows: readonly RowOfTurn[]): RowTables =>
  new RowTables(
    new Map(
      [...tables].map(([name, ofTurns]): [string, RowAt] => [
        name,
        (index) => {
          const place = rows[index];
          const rowOf = place && ofTurns[place.turn];
          if (!rowOf) throw new RangeError(`no row ${index}`);
          return rowOf(place.position, index);
        },
      ]),
    ),
    rows.length,
  );

/** The stores in their memory: their own, or that of the scratch. */
export function bindStores(
  turns: readonly TurnOfText[],
  { stores }: NamedStores,
  tables: RowTables,
  scratch: PrefillScratch,
): {
  readonly storeBuffers: ReadonlyMap<number, PromptStoreBuffer>;
  readonly held: ReadonlyMap<number, HeldStore> | null;
} {
  const held = new Map<number, HeldStore>();
  const storeBuffers = stores.map((store): [number, PromptStoreBuffer] => {
    const { owner, layouts, standsIn, read, write, prompts } = store;
    const memory = scratch.evicting?.get(owner);
    if (memory && prompts) {
      const slots = Math.max(...prompts.map((prompt) => prompt.slots));
      held.set(owner, { ...memory, slots, inOrder: true, stride: 0 });
    }
    const own = turns[0]?.session.storeBuffers.get(owner)?.buffer;
    const buffer = standsIn ? scratch.windowed.get(owner) : (memory?.kv ?? own);
    if (!buffer) throw new Error(`layer ${owner} has no memory`);
    return [
      owner,
      {
        buffer,
        layouts,
        rows: tables.tableOf(scratch.rowTablesBuffer, read),
        rowsToWrite: tables.tableOf(scratch.rowTablesBuffer, write),
      },
    ];
  });
  return { storeBuffers: new Map(storeBuffers), held: scratch.evicting ? held : null };
}

/** Where each turn's rows lie under a policy, by owner. */
export const promptsOf = (
  { stores }: NamedStores,
  { evicting }: PrefillScratch,
  turn: number,
): ReadonlyMap<number, PromptStore> =>
  new Map(
    stores.flatMap(({ owner, prompts }): [number, PromptStore][] => {
      const [place, memory] = [prompts?.[turn], evicting?.get(owner)];
      return place && memory ? [[owner, { ...memory, ...place }]] : [];
    }),
  );
