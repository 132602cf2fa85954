import type { HubEvent, Newer, Preview, StoredModel } from '../../../worker/protocol/hub.ts';
import type { Failure, Outcome } from '../../../worker/protocol/failure.ts';
import type { HubModel } from '../../../worker/protocol/load.ts';
import { defaultConfig } from '../../settings/settings.ts';
import type { Playground } from '../../playground/playground.svelte.ts';
import type { Download, Running } from './download.ts';
import type { HubClient } from './hub-client.ts';
import { Pace } from './pace.ts';
import { rememberedToken, rememberToken } from './remembered-token.ts';

type Client = Pick<
  HubClient,
  'look' | 'download' | 'renew' | 'newer' | 'check' | 'stored' | 'remove' | 'pause' | 'resume' | 'cancel'
>;

/** Failures of a load that stored files may be to blame for. */
const DOUBTFUL: readonly Failure['code'][] = [
  'bad-config',
  'bad-weights',
  'bad-tokenizer',
  'damaged-file',
  'download-failed',
];

/** What is stored will do; and then the server is asked whether it has a newer one; or it shall be that one. */
type Want = 'stored' | 'any' | 'newest';

/** What a person enters about a repository, what is stored of repositories, and the download in between. */
export class Hub {
  repository = $state('');
  endpoint = $state(defaultConfig.endpoint);
  token = $state('');
  remember = $state(false);
  download = $state.raw<Download>({ at: 'nothing' });
  stored = $state.raw<readonly StoredModel[]>([]);
  /** Where the last model that was loaded or checked is not what its branch stands for any more. */
  newer = $state.raw<Newer | null>(null);
  /** What is wrong with a field. */
  readonly problems = $derived.by((): { readonly repository?: string; readonly endpoint?: string } => {
    const failure = this.download.at === 'failed' ? this.download.failure : null;
    if (failure?.code !== 'bad-request') return {};
    if (failure.field === 'repository') return { repository: failure.reason };
    return failure.field === 'endpoint' ? { endpoint: failure.reason } : {};
  });
  readonly running = $derived(
    this.download.at === 'downloading' || this.download.at === 'checking' ? this.download : null,
  );

  readonly #playground: Playground;
  readonly #client: Client;
  readonly #now: () => number;
  readonly #pace = new Pace();
  #ticket = 0;
  #recalled: { readonly endpoint: string; readonly token: string } | null = null;
  /** The model that the last download was of. */
  #model: HubModel | null = null;
  #want: Want = 'any';
  /** The model that {@link newer} is about. */
  #outdated: HubModel | null = null;
  /** The failed load that was looked into. */
  #lookedInto: unknown = null;

  constructor(playground: Playground, client: Client, now = () => performance.now()) {
    this.#playground = playground;
    this.#client = client;
    this.#now = now;
  }

  /** Reads what is stored, and the token that is remembered. */
  async start(): Promise<void> {
    await Promise.all([this.refresh(), this.recallToken()]);
  }

  async refresh(): Promise<void> {
    const outcome = await this.#client.stored();
    if (outcome.ok) this.stored = outcome.value;
  }

  /**
   * Where a token is remembered for the server that is entered, it comes into its field; one that was remembered for
   * another server leaves it. What the person typed stays.
   */
  async recallToken(): Promise<void> {
    const endpoint = this.endpoint.trim();
    if (this.#recalled && this.#recalled.endpoint !== endpoint && this.token === this.#recalled.token) {
      this.token = '';
      this.remember = false;
    }
    const token = await rememberedToken(endpoint);
    if (token === '' || this.token !== '') return;
    this.#recalled = { endpoint, token };
    this.token = token;
    this.remember = true;
  }

  /** Remembers or forgets what stands in the field, as the person wants it. */
  keepToken(): void {
    const token = this.token.trim();
    void rememberToken(this.endpoint.trim(), this.remember && token !== '' ? token : null);
  }

  /** Shows what a link asks for, and how large it is. A link brings no token, and none is sent where it points. */
  async lookAt(id: string, endpoint: string): Promise<void> {
    this.repository = id;
    if (endpoint !== this.endpoint) this.token = '';
    this.endpoint = endpoint;
    const ticket = this.#begin({ at: 'asking', id });
    const outcome = await this.#client.look(this.#entered());
    if (ticket !== this.#ticket) return;
    this.download = outcome.ok
      ? { at: 'found', id, files: outcome.value.files, missingBytes: missingOf(outcome.value) }
      : { at: 'failed', id, failure: outcome.failure };
  }

  /** Downloads what is missing of the repository that is entered, then loads it; without one, loads what is chosen. */
  load(): void {
    if (this.repository.trim() === '') this.#playground.load();
    else void this.#load(this.#entered(), 'any');
  }

  /** Loads what is stored, and asks nobody; of what is not whole, it fetches the rest. */
  loadStored(stored: StoredModel): void {
    const { endpoint } = stored;
    const token = endpoint === this.endpoint.trim() ? this.token.trim() : '';
    this.repository = nameOf(stored);
    if (endpoint !== this.endpoint.trim()) this.token = '';
    this.endpoint = endpoint;
    const model = { ...this.#entered(), token: token === '' ? null : token };
    void this.#load(model, stored.storedAtMs === null ? 'newest' : 'stored');
  }

  /** Downloads the commit that the page told of, and loads it; the older one stays stored. */
  loadNewer(): void {
    if (this.#outdated) void this.#load(this.#outdated, 'newest');
  }

  pause(): void {
    if (!this.running) return;
    this.#client.pause();
    this.#pace.forget();
    this.download = { ...this.running, paused: true };
  }

  /** Goes on after a pause, or after a failure. */
  resume(): void {
    if (this.running) {
      this.#client.resume();
      this.download = { ...this.running, paused: false };
    } else if (this.#model) void this.#load(this.#model, this.#want);
  }

  cancel(): void {
    this.#client.cancel();
  }

  /** Loads the model that there was no room for as it comes, and keeps nothing of it. */
  loadWithoutStoring(): void {
    if (!this.#model) return;
    const { id } = this.#model;
    this.#begin({ at: 'streaming', id });
    this.#playground.bring({ ...this.#model, keep: false });
  }

  /** Has all of a model read again, then asks whether its branch has moved on. */
  async check(stored: StoredModel): Promise<Outcome<StoredModel>> {
    const id = `${stored.repository}@${stored.commit}`;
    const token = this.token.trim();
    const model: HubModel = {
      from: 'hub',
      id,
      endpoint: stored.endpoint,
      token: stored.endpoint === this.endpoint.trim() && token !== '' ? token : null,
      keep: true,
    };
    const outcome = await this.#check(model);
    if (this.download.at === 'checked') void this.#lookForNewer({ ...model, id: nameOf(stored) });
    return outcome;
  }

  async remove(models: readonly StoredModel[]): Promise<void> {
    this.newer = null;
    for (const model of models) {
      const outcome = await this.#client.remove(model);
      if (!outcome.ok) this.#playground.refuse(outcome.failure);
    }
    await this.refresh();
  }

  /** After a load of a stored model that failed: its files are read again, and what is bad is replaced, once. */
  async lookInto(): Promise<void> {
    const { phase, config, brought } = this.#playground;
    const model = brought.get(config.model);
    if (phase.at !== 'failed' || model?.from !== 'hub' || !model.keep || this.#lookedInto === phase) return;
    if (!DOUBTFUL.includes(phase.failure.code)) return;
    this.#lookedInto = phase;
    const outcome = await this.#check(model);
    const found = outcome.ok ? outcome.value.verified : null;
    const repaired = found?.state === 'sound' && found.repairedBytes > 0;
    if (repaired && this.#playground.phase === phase) this.#playground.load();
  }

  #entered(): HubModel {
    const token = this.token.trim();
    return {
      from: 'hub',
      id: this.repository.trim(),
      endpoint: this.endpoint.trim(),
      token: token === '' ? null : token,
      keep: true,
    };
  }

  #begin(download: Download): number {
    this.download = download;
    this.newer = null;
    this.#pace.forget();
    return ++this.#ticket;
  }

  async #load(model: HubModel, want: Want): Promise<void> {
    this.#model = model;
    this.#want = want;
    this.keepToken();
    const ticket = this.#begin({ at: 'asking', id: model.id });
    const heard = new Set<HubEvent['type']>();
    const store = want === 'newest' ? this.#client.renew : this.#client.download;
    const outcome = await store.call(this.#client, model, (event) => {
      if (ticket !== this.#ticket) return;
      // Some browsers ask the person: only when there is something to keep.
      if (event.type === 'progress' && !heard.has('progress')) void askToPersist();
      heard.add(event.type);
      this.#receive('downloading', model.id, event);
    });
    if (ticket !== this.#ticket) return;
    if (outcome.ok) {
      this.download = { at: 'stored', id: model.id, model: outcome.value };
      this.#playground.bring({ ...model, endpoint: outcome.value.endpoint, commit: outcome.value.commit });
      if (want === 'any' && heard.size === 0) void this.#lookForNewer(model);
    } else this.download = { at: 'failed', id: model.id, failure: outcome.failure };
    await this.refresh();
  }

  /** Nobody waits for the answer: where none comes, as without a network, there is nothing to say. */
  async #lookForNewer(model: HubModel): Promise<void> {
    const ticket = this.#ticket;
    const outcome = await this.#client.newer(model);
    if (ticket !== this.#ticket || !outcome.ok) return;
    this.#outdated = model;
    this.newer = outcome.value;
  }

  async #check(model: HubModel): Promise<Outcome<StoredModel>> {
    const ticket = this.#begin({ at: 'asking', id: model.id });
    const outcome = await this.#client.check(model, (event) => {
      if (ticket === this.#ticket) this.#receive('checking', model.id, event);
    });
    if (ticket === this.#ticket) {
      const repairedBytes =
        outcome.ok && outcome.value.verified.state === 'sound' ? outcome.value.verified.repairedBytes : 0;
      this.download = outcome.ok
        ? { at: 'checked', id: model.id, repairedBytes }
        : { at: 'failed', id: model.id, failure: outcome.failure };
    }
    await this.refresh();
    return outcome;
  }

  #receive(at: Running['at'], id: string, event: HubEvent): void {
    const before: Running = this.running ?? {
      ...{ at, id, loadedBytes: 0, totalBytes: 0, bytesPerSec: null },
      ...{ paused: false, following: false, waiting: null },
    };
    switch (event.type) {
      case 'following':
        this.download = { ...before, following: true };
        return;
      case 'waiting':
        this.download = { ...before, waiting: { reason: event.reason, forMs: event.forMs } };
        return;
      case 'progress': {
        this.#pace.note(event.loadedBytes, this.#now());
        const { loadedBytes, totalBytes } = event;
        const { bytesPerSec } = this.#pace;
        this.download = { ...before, loadedBytes, totalBytes, bytesPerSec, waiting: null };
      }
    }
  }
}

/** What a person would enter to get a stored model, on this device. */
const nameOf = ({ repository, revision, commit, superseded }: StoredModel) =>
  `${repository}@${superseded ? commit : revision}`.replace(/@main$/, '');

const missingOf = ({ totalBytes, storedBytes }: Preview) => totalBytes - storedBytes;

/** Asks the browser not to throw the models away when the device is full. Its answer changes nothing for us. */
async function askToPersist(): Promise<void> {
  // Absent where the page is not served securely.
  const storage = navigator.storage as StorageManager | undefined;
  await storage?.persist().catch(() => false);
}
