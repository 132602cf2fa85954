import type { HubEvent, Newer, StoredKey, StoredModel } from '../../../worker/protocol/hub.ts';
import type { Failure, Outcome } from '../../../worker/protocol/failure.ts';
import type { HubModel } from '../../../worker/protocol/load.ts';
import { defaultConfig } from '../../settings/settings.ts';
import type { Playground } from '../../playground/playground.svelte.ts';
import type { Download, Running } from './download.ts';
import type { HubClient } from './hub-client.ts';
import { AccessTokens } from './access-tokens.svelte.ts';
import { LeavingModels } from './leaving-models.svelte.ts';
import { Pace } from './pace.ts';
import { readPastedAddress } from './pasted-address.ts';
import { onStorageLoss, type StorageLoss } from '../../../worker/storage/connection.ts';
import { tokensOnDevice, type TokenStore } from './remembered-token.ts';

type Client = Pick<
  HubClient,
  | 'look'
  | 'download'
  | 'renew'
  | 'newer'
  | 'check'
  | 'stored'
  | 'unreadable'
  | 'removeUnreadable'
  | 'remove'
  | 'pause'
  | 'resume'
  | 'cancel'
>;

/** Failures of a load that damaged stored files can cause. */
const DOUBTFUL: readonly Failure['code'][] = [
  'bad-config',
  'bad-weights',
  'bad-tokenizer',
  'damaged-file',
  'download-failed',
];

const FIELDS = ['repository', 'endpoint', 'token'] as const;
type Field = (typeof FIELDS)[number];

interface HubParts {
  readonly now: () => number;
  readonly tokens: TokenStore;
}

/** What is stored is enough; or that, and then ask the server for a newer commit; or only the newest commit. */
type Want = 'stored' | 'any' | 'newest';

/** What the person enters about a repository, the stored models, and the download between them. */
export class Hub {
  repository = $state('');
  endpoint = $state(defaultConfig.endpoint);
  download = $state.raw<Download>({ at: 'nothing' });
  /** What lies on the device. */
  stored = $state.raw<readonly StoredModel[]>([]);
  /** How many models lie on the device that this version of the page cannot read. */
  unreadable = $state(0);
  /** Deleted models that can still be taken back. */
  readonly leaving = new LeavingModels((models) => this.#remove(models));
  /** Until the models are gone that an earlier visit deleted. */
  #earlierGoing: Promise<void> | null = null;
  /** What lies on the device and was not deleted. */
  readonly kept = $derived(this.stored.filter((model) => !this.leaving.has(model)));
  /** Set if the branch of the last model that was loaded or checked has moved on. */
  newer = $state.raw<Newer | null>(null);
  /** What became of the data on this device while the page was open; null if it is there, or the person knows. */
  storageLoss = $state.raw<StorageLoss | null>(null);
  /** What is wrong with a field. */
  readonly problems = $derived.by((): Partial<Readonly<Record<Field, string>>> => {
    const failure = this.download.at === 'failed' ? this.download.failure : null;
    if (failure?.code !== 'bad-request') return {};
    const field = FIELDS.find((name) => name === failure.field);
    return field ? { [field]: failure.reason } : {};
  });
  readonly running = $derived(
    this.download.at === 'downloading' || this.download.at === 'checking' ? this.download : null,
  );

  readonly #playground: Playground;
  readonly #client: Client;
  readonly #now: () => number;
  readonly #pace = new Pace();
  readonly #tokens: AccessTokens;
  #ticket = 0;
  /** The model of the last download. */
  #model: HubModel | null = null;
  #want: Want = 'any';
  /** The model that {@link newer} is about. */
  #outdated: HubModel | null = null;
  /** The failed load that was looked into. */
  #lookedInto: unknown = null;

  constructor(
    playground: Playground,
    client: Client,
    { now = () => performance.now(), tokens = tokensOnDevice }: Partial<HubParts> = {},
  ) {
    this.#playground = playground;
    this.#client = client;
    this.#now = now;
    this.#tokens = new AccessTokens(tokens);
  }

  /** The access token for the endpoint that is entered. Another endpoint has another token, or none. */
  get token(): string {
    return this.#tokens.secretFor(this.endpoint);
  }

  set token(secret: string) {
    this.#tokens.enter(this.endpoint, secret);
  }

  get remember(): boolean {
    return this.#tokens.isRemembered(this.endpoint);
  }

  set remember(remember: boolean) {
    this.#tokens.setRemembered(this.endpoint, remember);
  }

  /** Reads what is stored, and the token that is remembered. */
  async start(): Promise<void> {
    onStorageLoss((loss) => {
      this.storageLoss = loss;
      if (loss === 'deleted') this.#tokens.forgetRemembered();
      void this.refresh();
    });
    this.#earlierGoing = this.leaving.finishEarlier();
    await Promise.all([this.#earlierGoing.then(() => this.refresh()), this.recallToken()]);
    this.#earlierGoing = null;
  }

  async refresh(): Promise<void> {
    const outcome = await this.#client.stored();
    if (!outcome.ok) return;
    this.stored = outcome.value;
    this.#tellOnDevice();
    const unreadable = await this.#client.unreadable();
    if (unreadable.ok) this.unreadable = unreadable.value;
  }

  /** Tells the page which models a link may open. A deleted one is not offered, although it can be taken back. */
  #tellOnDevice(): void {
    this.#playground.onDevice = this.kept.map((model) => ({
      id: nameOf(model),
      endpoint: model.endpoint,
      complete: model.storedAtMs !== null,
      ...{ commit: model.commit, storedAtMs: model.storedAtMs ?? 0, healed: model.healed },
    }));
  }

  /** Fills in the token that is remembered for the endpoint that is entered. */
  recallToken(): Promise<void> {
    return this.#tokens.recall(this.endpoint);
  }

  /** Stores what stands in the field, if the person wants that. */
  keepToken(): void {
    this.#tokens.keep(this.endpoint);
  }

  /** Turns the address of a model's page into its name and its server, in sight of the person. */
  readAddress(): void {
    const read = readPastedAddress(this.repository, this.endpoint);
    if (!read) return;
    this.repository = read.repository;
    if (read.endpoint === this.endpoint) return;
    this.endpoint = read.endpoint;
    void this.recallToken();
  }

  /** Opens what a link asks for: loads it from this device, or shows how large it is. */
  async openLinked(id: string, endpoint: string): Promise<void> {
    const stored = this.kept.find((model) => nameOf(model) === id && model.endpoint === endpoint);
    if (stored) this.loadStored(stored);
    else await this.lookAt(id, endpoint);
  }

  /** Shows how large the entered repository is and what it will need, before anything is downloaded. */
  look(): void {
    this.readAddress();
    this.keepToken();
    if (this.repository.trim() !== '') void this.lookAt(this.repository.trim(), this.endpoint.trim());
  }

  /** Shows how large a model of the Hub itself is, and what it will need. */
  lookAtSuggestion(repository: string): void {
    void this.lookAt(repository, defaultConfig.endpoint);
  }

  /** Shows what a repository consists of, and how large it is. */
  async lookAt(id: string, endpoint: string): Promise<void> {
    this.repository = id;
    this.endpoint = endpoint;
    const ticket = this.#show({ at: 'asking', id });
    const outcome = await this.#client.look(this.#entered());
    if (ticket !== this.#ticket) return;
    this.download = outcome.ok
      ? { at: 'found', id, looked: outcome.value }
      : { at: 'failed', id, failure: outcome.failure, during: 'look' };
  }

  /** Downloads what is missing of the entered repository, then loads it. Without one it loads the chosen model. */
  load(): void {
    this.readAddress();
    this.keepToken();
    if (this.repository.trim() === '') this.#playground.load();
    else void this.#load(this.#entered(), 'any');
  }

  /** Loads a stored model without any request. If it is incomplete, it fetches the rest first. */
  loadStored(stored: StoredModel): void {
    this.repository = nameOf(stored);
    this.endpoint = stored.endpoint;
    void this.#load(this.#entered(), stored.storedAtMs === null ? 'newest' : 'stored');
  }

  /** Downloads and loads the newer commit that the page offers. The older one stays stored. */
  loadNewer(): void {
    if (this.#outdated) void this.#load(this.#outdated, 'newest');
  }

  dismissStorageLoss(): void {
    this.storageLoss = null;
  }

  pause(): void {
    if (!this.running) return;
    this.#client.pause();
    this.download = { ...this.running, paused: true };
  }

  /** Continues after a pause or a failure. */
  resume(): void {
    if (this.running) {
      this.#client.resume();
      // Now: what had arrived before the pause may be told after it has begun.
      this.#pace.forget();
      this.download = { ...this.running, paused: false };
    } else if (this.#model) void this.#load(this.#model, this.#want);
  }

  cancel(): void {
    this.#client.cancel();
  }

  /** Loads the model that does not fit on the device straight from the network, and stores nothing. */
  loadWithoutStoring(): void {
    if (!this.#model) return;
    const { id } = this.#model;
    this.#show({ at: 'streaming', id });
    this.#playground.bring({ ...this.#model, keep: false });
  }

  /** Reads and verifies all of a stored model again, then asks whether its branch has moved on. */
  async check(stored: StoredModel): Promise<Outcome<StoredModel>> {
    const id = `${stored.repository}@${stored.commit}`;
    const model = this.#modelAt(id, stored.endpoint);
    const outcome = await this.#check(model);
    if (this.download.at === 'checked') void this.#lookForNewer({ ...model, id: nameOf(stored) });
    return outcome;
  }

  /** Deletes models, which can be taken back for a while. */
  async remove(models: readonly StoredModel[]): Promise<void> {
    this.newer = null;
    await this.leaving.leave(models);
    this.#tellOnDevice();
  }

  /** Takes back what was deleted last. */
  async takeBack(): Promise<void> {
    await this.leaving.takeBack();
    this.#tellOnDevice();
  }

  /** Deletes for good what this version of the page cannot read. */
  async removeUnreadable(): Promise<void> {
    const outcome = await this.#client.removeUnreadable();
    if (!outcome.ok) this.#playground.refuse(outcome.failure);
    await this.refresh();
    this.#tellOnDevice();
  }

  async #remove(models: readonly StoredKey[]): Promise<void> {
    for (const model of models) {
      const outcome = await this.#client.remove(model);
      if (!outcome.ok) this.#playground.refuse(outcome.failure);
    }
    await this.refresh();
  }

  /** After a stored model failed to load: verifies its files again and replaces what is damaged, once. */
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
    return this.#modelAt(this.repository.trim(), this.endpoint.trim());
  }

  #modelAt(id: string, endpoint: string): HubModel {
    return { from: 'hub', id, endpoint, token: this.#tokens.tokenFor(endpoint), keep: true };
  }

  /** Shows the start of something new. What was going on before has an old ticket, and changes nothing any more. */
  #show(download: Download): number {
    this.download = download;
    this.newer = null;
    this.#pace.forget();
    return ++this.#ticket;
  }

  async #load(model: HubModel, want: Want): Promise<void> {
    this.#model = model;
    this.#want = want;
    const ticket = this.#show({ at: 'asking', id: model.id });
    // A deleted model may be asked for again, or take the room that this one needs.
    if (this.#earlierGoing) await this.#earlierGoing;
    if (this.leaving.models.length > 0) await this.leaving.finish();
    if (ticket !== this.#ticket) return;
    const heard = new Set<HubEvent['type']>();
    const store = want === 'newest' ? this.#client.renew : this.#client.download;
    const outcome = await store.call(this.#client, model, (event) => {
      if (ticket !== this.#ticket) return;
      // Some browsers ask the person, so wait until there is something to keep.
      if (event.type === 'progress' && !heard.has('progress')) void askToPersist();
      heard.add(event.type);
      this.#receive('downloading', model.id, event);
    });
    if (ticket !== this.#ticket) return;
    if (outcome.ok) {
      const { repository, endpoint, commit } = outcome.value;
      // The server's own name for the repository: other capitals do not make another model.
      const id = model.id.replace(/^[^@]*/, repository);
      this.download = { at: 'stored', id, model: outcome.value };
      this.#playground.bring({ ...model, id, endpoint, commit });
      if (want === 'any' && heard.size === 0) void this.#lookForNewer(model);
    } else this.download = { at: 'failed', id: model.id, failure: outcome.failure, during: 'load' };
    await this.refresh();
  }

  /** Nobody waits for this answer. If none comes, as without a network, the page says nothing. */
  async #lookForNewer(model: HubModel): Promise<void> {
    const ticket = this.#ticket;
    const outcome = await this.#client.newer(model);
    if (ticket !== this.#ticket || !outcome.ok) return;
    this.#outdated = model;
    this.newer = outcome.value;
  }

  async #check(model: HubModel): Promise<Outcome<StoredModel>> {
    const ticket = this.#show({ at: 'asking', id: model.id });
    const outcome = await this.#client.check(model, (event) => {
      if (ticket === this.#ticket) this.#receive('checking', model.id, event);
    });
    if (ticket === this.#ticket) {
      const repairedBytes =
        outcome.ok && outcome.value.verified.state === 'sound' ? outcome.value.verified.repairedBytes : 0;
      this.download = outcome.ok
        ? { at: 'checked', id: model.id, repairedBytes }
        : { at: 'failed', id: model.id, failure: outcome.failure, during: 'check' };
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

/** What the person would enter to get a stored model on this device. */
const nameOf = ({ repository, revision, commit, superseded }: StoredModel) =>
  `${repository}@${superseded ? commit : revision}`.replace(/@main$/, '');

/** Asks the browser to keep the models when the device is full. Its answer changes nothing for us. */
async function askToPersist(): Promise<void> {
  // Absent if the page is not served securely.
  const storage = navigator.storage as StorageManager | undefined;
  await storage?.persist().catch(() => false);
}
