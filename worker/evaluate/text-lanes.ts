import type {
  Batch,
  BatchText,
  Continuation,
  DecodeEnd,
  GivenTokens,
  ModelWeights,
  WantedLikelihoods,
} from '../../gpu/backend.ts';
import { greedy } from '../../gpu/plan/sampling.ts';
import { mostInPiece } from '../engine/open-policy.ts';
import { readPrompts, within } from '../engine/read-prompts.ts';
import { isFull } from '../engine/sequence-scheduler.ts';
import { Refused } from '../outcome.ts';
import type { TextReader } from './text-reader.ts';

/** The most texts that are read together. Up to 8, what is computed of one does not depend on the others, to the bit. */
const MOST_LANES = 8;

/** One of several texts that are read together. A job has it to itself, and does one thing at a time. */
export interface Lane {
  /** Reads a turn, in the pieces of the policy. */
  prefill(tokens: readonly number[], likelihoods: WantedLikelihoods): Promise<void>;
  /** Feeds given tokens, as decoding would. */
  feed(tokens: readonly number[], likelihoods: WantedLikelihoods): Promise<void>;
  /** Continues the text greedily. After the end `length`, it may go on. */
  decode(asked: Pick<Continuation, 'maxNewTokens' | 'endTokens' | 'onToken'>): Promise<DecodeEnd>;
  /** Drops back to the first tokens. Only for a text without policy or window. */
  rewind(tokens: number): void;
  /** KV in use. */
  readonly kvBytes: number;
}

/** Work on one text, which is empty when it begins. */
export interface LaneJob {
  /** The most tokens that the text will have. */
  readonly capacityTokens: number;
  readonly run: (lane: Lane) => Promise<void>;
}

type Asked =
  | { readonly what: 'open' }
  | { readonly what: 'prefill'; readonly tokens: readonly number[]; readonly likelihoods: WantedLikelihoods }
  | { readonly what: 'feed'; readonly tokens: readonly number[]; readonly likelihoods: WantedLikelihoods }
  | ({ readonly what: 'decode' } & Pick<Continuation, 'maxNewTokens' | 'endTokens' | 'onToken'>);

/** What a lane waits for. */
type Waiting<Each extends Asked = Asked> = Each & {
  readonly lane: RunningLane;
  readonly resolve: (end: DecodeEnd) => void;
  /** Tokens that were fed or drawn so far. */
  done: number;
};

type WaitingFor<What extends Asked['what']> = Waiting<Extract<Asked, { readonly what: What }>>;

class RunningLane implements Lane {
  readonly job: LaneJob;
  text: BatchText | null = null;
  readonly #ask: (asked: Asked) => Promise<DecodeEnd>;

  constructor(job: LaneJob, ask: (lane: RunningLane, asked: Asked) => Promise<DecodeEnd>) {
    this.job = job;
    this.#ask = (asked) => ask(this, asked);
  }

  async run(): Promise<void> {
    await this.#ask({ what: 'open' });
    try {
      await this.job.run(this);
    } finally {
      this.text?.close();
      this.text = null;
    }
  }

  async prefill(tokens: readonly number[], likelihoods: WantedLikelihoods): Promise<void> {
    await this.#ask({ what: 'prefill', tokens, likelihoods });
  }

  async feed(tokens: readonly number[], likelihoods: WantedLikelihoods): Promise<void> {
    if (tokens.length > 0) await this.#ask({ what: 'feed', tokens, likelihoods });
  }

  decode(asked: Pick<Continuation, 'maxNewTokens' | 'endTokens' | 'onToken'>): Promise<DecodeEnd> {
    return this.#ask({ what: 'decode', ...asked });
  }

  rewind(tokens: number): void {
    if (!this.opened.rewind(tokens)) throw new Error('a store without a window cannot rewind');
  }

  get kvBytes(): number {
    return this.opened.kvBytesInUse;
  }

  get opened(): BatchText {
    if (!this.text) throw new Error('the text of the lane is closed');
    return this.text;
  }
}

/**
 * Runs jobs on the texts of a batch, so that what they ask for at the same time is computed together. Whenever every
 * running job waits, one kind of what they wait for is done: prompts first, so that their texts go on with the others.
 */
export class TextLanes {
  readonly #reader: TextReader;
  readonly #batch: Batch;
  readonly #waiting = new Set<Waiting>();
  /** Jobs that have begun and neither ended nor wait. */
  #busy = 0;
  #running = 0;
  #failed: { readonly error: unknown } | null = null;
  #changed: () => void = () => undefined;

  /**
   * Opens as many lanes as there is memory for.
   *
   * @param most at most as many
   */
  static async open(
    weights: ModelWeights,
    reader: TextReader,
    jobs: readonly LaneJob[],
    most = MOST_LANES,
  ): Promise<TextLanes> {
    const texts = jobs.map(({ capacityTokens }) => reader.textOptions(capacityTokens));
    const mostTokens = Math.max(1, ...jobs.map(({ capacityTokens }) => capacityTokens));
    const turnTokens = mostInPiece(mostTokens, reader.policy);
    for (let places = Math.min(most, texts.length); ; places = Math.ceil(places / 2)) {
      try {
        return new TextLanes(reader, await weights.openBatch({ ...reader.plan, texts, places, turnTokens }));
      } catch (error) {
        if (!isFull(error) || places === 1) throw error;
      }
    }
  }

  private constructor(reader: TextReader, batch: Batch) {
    this.#reader = reader;
    this.#batch = batch;
  }

  /**
   * Runs the jobs, which begin in their order.
   *
   * @param onDone called when a job has ended; the others wait for it
   * @throws what the first job throws that fails; Refused if it was stopped; BackendError
   */
  async run(jobs: readonly LaneJob[], onDone: (index: number) => Promise<void>): Promise<void> {
    let next = 0;
    while (next < jobs.length || this.#running > 0) {
      for (; next < jobs.length && this.#running < this.#batch.places; next++)
        this.#start(jobs, next, onDone);
      while (this.#busy > 0) await new Promise<void>((resolve) => (this.#changed = resolve));
      if (this.#failed) throw this.#failed.error;
      if (this.#running < this.#batch.places && next < jobs.length) continue;
      if (this.#reader.options.stopped()) throw new Refused({ code: 'stopped' });
      await this.#advance();
    }
  }

  close(): void {
    this.#batch.close();
  }

  #start(jobs: readonly LaneJob[], index: number, onDone: (index: number) => Promise<void>): void {
    const job = jobs[index];
    if (!job) return;
    this.#running++;
    this.#busy++;
    const ask = (lane: RunningLane, asked: Asked) =>
      new Promise<DecodeEnd>((resolve) => {
        this.#waiting.add({ ...asked, lane, resolve, done: 0 });
        this.#pause();
      });
    const ended = new RunningLane(job, ask).run().then(() => onDone(index));
    ended
      .catch((error: unknown) => (this.#failed ??= { error }))
      .finally(() => {
        this.#running--;
        this.#pause();
      });
  }

  #pause(): void {
    this.#busy--;
    this.#changed();
  }

  #resolve(waiting: Waiting, end: DecodeEnd = 'length'): void {
    this.#waiting.delete(waiting);
    this.#busy++;
    waiting.resolve(end);
  }

  #all<What extends Asked['what']>(what: What): readonly WaitingFor<What>[] {
    return [...this.#waiting].filter((each): each is WaitingFor<What> => each.what === what);
  }

  /** Does what some of the lanes wait for. */
  async #advance(): Promise<void> {
    if (await this.#open(this.#all('open'))) return;
    const [prompts, given, continued] = [this.#all('prefill'), this.#all('feed'), this.#all('decode')];
    if (prompts.length > 0) await this.#prefill(prompts);
    else if (given.length > 0) await this.#feed(given);
    else if (continued.length > 0) await this.#decode(continued);
  }

  /** Opens texts, as far as there is memory. The others wait until one is closed. */
  async #open(waiting: readonly WaitingFor<'open'>[]): Promise<boolean> {
    let opened = false;
    for (const each of waiting) {
      try {
        each.lane.text = await this.#batch.open(this.#reader.textOptions(each.lane.job.capacityTokens));
      } catch (error) {
        const others = this.#waiting.size > waiting.length;
        if (!isFull(error) || !(opened || others)) throw error;
        return opened;
      }
      this.#resolve(each);
      opened = true;
    }
    return opened;
  }

  async #prefill(waiting: readonly WaitingFor<'prefill'>[]): Promise<void> {
    const { policy } = this.#reader;
    const { stopped, onTokens } = this.#reader.options;
    const prompts = waiting.map(({ lane, tokens, likelihoods }) => ({
      ...{ text: lane.opened, tokens, likelihoods, policy },
      mode: this.#reader.modeOf(tokens.length),
    }));
    if (!(await readPrompts(this.#batch, prompts, { stopped }))) throw new Refused({ code: 'stopped' });
    onTokens(prompts.reduce((sum, { tokens }) => sum + tokens.length, 0));
    for (const each of waiting) this.#resolve(each);
  }

  /** Feeds as many tokens to each as the one has left that has the fewest, so that another can begin in its place. */
  async #feed(waiting: readonly WaitingFor<'feed'>[]): Promise<void> {
    const { stopped, onTokens } = this.#reader.options;
    const count = Math.min(TOKENS_AT_ONCE, ...waiting.map(({ tokens, done }) => tokens.length - done));
    const given = waiting.map(({ lane, tokens, likelihoods, done }): GivenTokens => ({
      text: lane.opened,
      tokens: tokens.slice(done, done + count),
      likelihoods: within(likelihoods, done, count),
    }));
    if (!(await this.#batch.feed(given, { stopped }))) throw new Refused({ code: 'stopped' });
    onTokens(count * waiting.length);
    for (const each of waiting) {
      each.done += count;
      if (each.done === each.tokens.length) this.#resolve(each);
    }
  }

  async #decode(waiting: readonly WaitingFor<'decode'>[]): Promise<void> {
    const { stopped, onTokens } = this.#reader.options;
    const continued = waiting.map((each): Continuation => ({
      text: each.lane.opened,
      sampling: greedy,
      maxNewTokens: each.maxNewTokens - each.done,
      endTokens: each.endTokens,
      onToken: (token) => {
        each.done++;
        onTokens(1);
        each.onToken(token);
      },
    }));
    const ends = await this.#batch.decode(continued, { stopped });
    if (ends.includes('stopped')) throw new Refused({ code: 'stopped' });
    for (const [i, each] of waiting.entries()) {
      const end = ends[i] ?? null;
      if (end !== null) this.#resolve(each, end);
    }
  }
}

/** Given tokens between two reports of progress. */
const TOKENS_AT_ONCE = 64;
