import { HEALED_ENDPOINT } from '../endpoint.ts';
import { attemptAsync, Refused } from '../outcome.ts';
import type { Outcome } from '../protocol/failure.ts';
import type { HubModel } from '../protocol/load.ts';
import { ProgressReports } from '../progress-reports.ts';
import { requestsTo, type RequestsOf } from '../request.ts';
import { Gate } from './gate.ts';
import { hubServer, type HubServer } from './hub-requests.ts';
import { listModel, resolveRevision, type Listing } from './listing.ts';
import { lookIntoConfig } from './look.ts';
import { ifFree, lockName, type Locks } from './model-lock.ts';
import type { Clock } from './patience.ts';
import type {
  HubApi,
  HubEvent,
  Looked,
  Newer,
  OnHubEvent,
  Preview,
  StoredKey,
  StoredModel,
} from '../protocol/hub.ts';
import {
  allListings,
  commitOf,
  copiesOf,
  countUnreadableListings,
  listingOf,
  manifestOf,
  RECORD_BYTES,
  rememberName,
  removeModel,
  removeUnreadableListings,
  storedBytesOf,
  storedName,
  totalBytesOf,
  writeManifest,
  type StoredListing,
} from './records.ts';
import { checkModel, storeModel, type StoreOptions } from './store-model.ts';

/** What a library needs from the browser. Tests use their own. */
export interface LibraryParts {
  readonly locks?: Locks;
  /** How much more may be stored; null if the browser does not say. */
  readonly room: () => Promise<number | null>;
  readonly requestsOf?: RequestsOf;
  readonly clock?: Clock;
  readonly stallMs?: number;
  readonly recordBytes?: number;
}

/** The channel on which tabs report their progress to each other. */
const CHANNEL = 'kvtab-downloads';

interface Told {
  readonly name: string;
  readonly event: HubEvent;
}

/** The models on this device, and the one that is being downloaded. */
export class Library implements HubApi {
  readonly #parts: LibraryParts;
  #gate = new Gate();
  /** Of the last question that stores nothing. */
  #asking = new Gate();
  /** Settles when the previous download has ended. */
  #busy: Promise<unknown> = Promise.resolve();

  constructor(parts: LibraryParts) {
    this.#parts = parts;
  }

  look(model: HubModel): Promise<Outcome<Looked>> {
    return attemptAsync(async () => {
      const server = this.#server(model);
      const { clock, stallMs, room } = this.#parts;
      const options = { gate: this.#askInstead(), onWait: () => undefined, clock, stallMs };
      const listing = await listModel(server, options);
      const config = await lookIntoConfig(server.renamed(listing.repository), listing, options);
      const preview = await this.#previewOf({ ...listing, recordBytes: this.#recordBytes });
      return { ...preview, config, roomBytes: await room() };
    });
  }

  download(model: HubModel, onEvent: OnHubEvent): Promise<Outcome<StoredModel>> {
    return this.#alone(async (gate) => {
      const server = this.#server(model);
      const known = await storedListing(server);
      // No server could replace what is damaged of a model that was healed here.
      const isHealed = server.endpoint === HEALED_ENDPOINT;
      if (known && (isHealed || (await isWhole(known)))) return this.#describe(known);
      return this.#store(server, gate, onEvent);
    });
  }

  renew(model: HubModel, onEvent: OnHubEvent): Promise<Outcome<StoredModel>> {
    return this.#alone((gate) => this.#store(this.#server(model), gate, onEvent));
  }

  newer(model: HubModel): Promise<Outcome<Newer | null>> {
    return attemptAsync(async () => {
      const server = this.#server(model);
      const { revision, endpoint } = server;
      if (endpoint === HEALED_ENDPOINT) return null;
      const storedCommit = (await storedListing(server))?.commit;
      if (storedCommit === undefined || isNameOf(storedCommit, revision)) return null;
      const { clock, stallMs } = this.#parts;
      const options = { gate: this.#askInstead(), onWait: giveUp, clock, stallMs };
      const { commit } = await resolveRevision(server, options);
      return commit === storedCommit ? null : { revision, storedCommit, commit };
    });
  }

  check(model: HubModel, onEvent: OnHubEvent): Promise<Outcome<StoredModel>> {
    return this.#alone(async (gate) => {
      const server = this.#server(model);
      const listing = await storedListing(server);
      if (!listing) throw new Refused({ code: 'not-stored', model: model.id });
      await this.#locked(listing, gate, onEvent, (report) =>
        this.#storing(server, listing, gate, report, (options) => checkModel(listing, options)),
      );
      return this.#describe(listing);
    });
  }

  pause(): void {
    this.#gate.pause();
  }

  resume(): void {
    this.#gate.resume();
  }

  cancel(): void {
    this.#gate.cancel();
    this.#asking.cancel();
  }

  /** The browser has deleted the data under this page: what is left of the download would never be whole. */
  loseStorage(): void {
    this.#gate.cancel({ code: 'storage-lost' });
  }

  stored(): Promise<Outcome<readonly StoredModel[]>> {
    return attemptAsync(async () =>
      Promise.all((await allListings()).map((listing) => this.#describe(listing))),
    );
  }

  unreadable(): Promise<Outcome<number>> {
    return attemptAsync(countUnreadableListings);
  }

  removeUnreadable(): Promise<Outcome<void>> {
    return attemptAsync(removeUnreadableListings);
  }

  remove(key: StoredKey): Promise<Outcome<void>> {
    return attemptAsync(async () => {
      const removed = await ifFree(this.#parts.locks, key, () => removeModel(key));
      if (removed) return;
      const reason = 'it is being downloaded, here or in another tab: wait for that, or cancel it';
      throw new Refused({ code: 'bad-request', field: 'repository', reason });
    });
  }

  get #recordBytes(): number {
    return this.#parts.recordBytes ?? RECORD_BYTES;
  }

  #server(model: HubModel): HubServer {
    return hubServer(model, this.#parts.requestsOf ?? requestsTo);
  }

  /** Ends the question before, and lets the next one be cancelled. */
  #askInstead(): Gate {
    this.#asking.cancel();
    return (this.#asking = new Gate());
  }

  /** Cancels the previous download, and starts when it has ended. */
  #alone<T>(work: (gate: Gate) => Promise<T>): Promise<Outcome<T>> {
    this.#gate.cancel();
    const gate = (this.#gate = new Gate());
    const outcome = this.#busy.then(() => attemptAsync(() => work(gate)));
    this.#busy = outcome.catch(() => undefined);
    return outcome;
  }

  async #store(server: HubServer, gate: Gate, onEvent: OnHubEvent): Promise<StoredModel> {
    const onWait = waitsOf(onEvent);
    const listing: StoredListing = {
      ...(await this.#list(server, gate, onWait)),
      recordBytes: this.#recordBytes,
    };
    const { endpoint, repository } = listing;
    const renamed = server.renamed(repository);
    await this.#locked(listing, gate, onEvent, async (report) => {
      const manifest = await manifestOf(listing);
      // Another tab was quicker, or the same commit is stored under another revision.
      if (manifest?.damagedFile === null) await writeManifest(listing, manifest);
      else await this.#storing(renamed, listing, gate, report, (options) => storeModel(listing, options));
      await rememberName(endpoint, server.repository, repository);
    });
    return this.#describe(listing);
  }

  #list(server: HubServer, gate: Gate, onWait: StoreOptions['onWait']): Promise<Listing> {
    const { clock, stallMs } = this.#parts;
    return listModel(server, { gate, onWait, clock, stallMs });
  }

  async #storing<T>(
    server: HubServer,
    { commit }: Listing,
    gate: Gate,
    report: OnHubEvent,
    work: (options: StoreOptions) => Promise<T>,
  ): Promise<T> {
    const { room, clock, stallMs } = this.#parts;
    const progress = new ProgressReports(report);
    const tellWait = waitsOf(report);
    try {
      return await work({
        ...{ server, commit, gate, room, clock, stallMs },
        onWait: (reason, forMs) => {
          progress.flush();
          tellWait(reason, forMs);
        },
        onProgress: (loadedBytes, totalBytes) => {
          progress.tell({ type: 'progress', loadedBytes, totalBytes });
          if (loadedBytes === totalBytes) progress.flush();
        },
      });
    } finally {
      progress.end();
    }
  }

  /**
   * Does something to a model that no two tabs may do at once. A later tab shows the progress of the earlier one, and
   * does its own work when that one has ended, successfully or not.
   */
  async #locked(
    key: StoredKey,
    gate: Gate,
    onEvent: OnHubEvent,
    work: (report: OnHubEvent) => Promise<void>,
  ): Promise<void> {
    const name = lockName(key);
    const channel = new BroadcastChannel(CHANNEL);
    const report: OnHubEvent = (event) => {
      onEvent(event);
      channel.postMessage({ name, event } satisfies Told);
    };
    try {
      if (await ifFree(this.#parts.locks, key, () => work(report))) return;
      onEvent({ type: 'following' });
      channel.onmessage = ({ data }: MessageEvent<Told>) => {
        if (data.name === name) onEvent(data.event);
      };
      const turn = this.#parts.locks?.request(name, { signal: gate.cancelled }, () => {
        channel.onmessage = null;
        return work(report);
      });
      await turn?.catch(async (error: unknown) => {
        await gate.pass(); // throws if the person has ended the wait
        throw error;
      });
    } finally {
      channel.close();
    }
  }

  async #previewOf(listing: StoredListing): Promise<Preview> {
    const { endpoint, repository, commit, files } = listing;
    const stored = (await listingOf(listing)) ?? listing;
    return {
      ...{ endpoint, repository, commit },
      files: files.length,
      totalBytes: totalBytesOf(listing),
      storedBytes: await storedBytesOf(stored),
    };
  }

  async #describe(listing: StoredListing): Promise<StoredModel> {
    const { endpoint, repository, revision, commit, healed = null } = listing;
    const manifest = await manifestOf(listing);
    const preview = await this.#previewOf(listing);
    return {
      ...preview,
      ...{ revision, healed },
      superseded: manifest !== undefined && (await commitOf(endpoint, repository, revision)) !== commit,
      copies: (await copiesOf(listing)).map(({ name, sizeBytes }) => ({ name, sizeBytes })),
      storedAtMs: manifest?.storedAtMs ?? null,
      verified: !manifest
        ? { state: 'incomplete' }
        : manifest.damagedFile !== null
          ? { state: 'damaged', file: manifest.damagedFile }
          : { state: 'sound', atMs: manifest.checkedAtMs, repairedBytes: manifest.repairedBytes },
    };
  }
}

/** What is stored for a repository and a revision, whole or not; undefined if nothing is. */
export async function storedListing(server: HubServer): Promise<StoredListing | undefined> {
  const { endpoint, revision } = server;
  const repository = await storedName(endpoint, server.repository);
  const commit = await commitOf(endpoint, repository, revision);
  // A commit names itself, even if it was stored as a branch.
  return listingOf({ endpoint, repository, commit: commit ?? revision });
}

const isWhole = async (key: StoredKey) => (await manifestOf(key))?.damagedFile === null;

/** A commit may be named by its first digits. */
const isNameOf = (commit: string, revision: string) => revision.length >= 7 && commit.startsWith(revision);

/** For a question in the background, which is not repeated. */
const giveUp = () => {
  throw new Refused({ code: 'cancelled' });
};

const waitsOf = (report: OnHubEvent) => (reason: string, forMs: number) => {
  report({ type: 'waiting', reason, forMs });
};
