import { afterEach, describe, expect, it, vi } from 'vitest';
import type { TokenStore } from '../../../web/panels/hub/remembered-token.ts';
import { hubServer } from '../../../worker/hub/hub-requests.ts';
import type { HubModel } from '../../../worker/protocol/load.ts';
import { looked, model, open, succeed } from './hub-fixture.ts';

afterEach(() => {
  vi.unstubAllGlobals();
});

const HOME = 'https://home.example/hf';

/** A page whose waits all end when the test says so. Fails as soon as a secret goes to a foreign server. */
class World {
  /** Endpoint → secrets that the person entered for it. */
  readonly given = new Map<string, Set<string>>();
  readonly stored = new Map<string, string>();
  readonly waiting: (() => void)[] = [];
  readonly requests: { readonly url: string; readonly authorization: string | null }[] = [];
  readonly page;

  constructor() {
    const tokens: TokenStore = {
      recall: async (endpoint) => {
        await this.#wait();
        return this.stored.get(endpoint) ?? null;
      },
      keep: async (endpoint, secret) => {
        if (secret !== null) this.#holds(endpoint, secret);
        await this.#wait();
        if (secret === null) this.stored.delete(endpoint);
        else this.stored.set(endpoint, secret);
      },
    };
    vi.stubGlobal('fetch', (url: URL, { headers }: { headers: Headers }) => {
      this.requests.push({ url: url.href, authorization: headers.get('authorization') });
      return Promise.resolve(new Response('{}'));
    });
    this.page = open({ tokens });
    const { client, hub } = this.page;
    const ask = async (asked: HubModel) => {
      await this.#wait();
      // The worker does the same.
      const server = hubServer(asked);
      await server.ask('api/models/x');
      return succeed({ ...model, endpoint: server.endpoint });
    };
    client.look.mockImplementation(async (asked) => {
      await ask(asked);
      return succeed(looked);
    });
    client.download.mockImplementation(ask);
    client.renew.mockImplementation(ask);
    client.check.mockImplementation(ask);
    client.newer.mockImplementation(async (asked: HubModel) => {
      await ask(asked);
      return succeed(null);
    });
    hub.endpoint = HOME;
  }

  give(endpoint: string, secret: string): void {
    this.given.set(endpoint, (this.given.get(endpoint) ?? new Set()).add(secret));
  }

  async release(index: number): Promise<void> {
    this.waiting.splice(index, 1)[0]?.();
    await settle();
    this.hold();
  }

  /** Checks what the page shows and would send now. */
  hold(): void {
    const { endpoint, token } = this.page.hub;
    if (token !== '') this.#holds(endpoint.replace(/\/$/, ''), token);
    for (const { url, authorization } of this.requests) {
      if (authorization === null) continue;
      const owner = [...this.given.keys()].find((known) => url.startsWith(`${known}/`)) ?? url;
      this.#holds(owner, authorization.replace('Bearer ', ''));
    }
  }

  #holds(endpoint: string, secret: string): void {
    if (!this.given.get(endpoint)?.has(secret)) throw new Error(`${secret} has reached ${endpoint}`);
  }

  #wait(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

type Step = readonly [name: string, take: (world: World) => void];

/**
 * Takes the steps in their order, and ends the waits between them in every possible order. Runs repeatedly,
 * and makes the last open choice differently each time.
 */
async function everyInterleaving(
  prepare: () => World,
  steps: readonly Step[],
  end: (world: World) => Promise<void>,
): Promise<number> {
  const decided: { choice: number; of: number }[] = [];
  for (let runs = 1; ; runs++) {
    const world = prepare();
    const trail: string[] = [];
    let asked = 0;
    let next = 0;
    try {
      while (next < steps.length || world.waiting.length > 0) {
        const step = steps[next];
        const of = world.waiting.length + (step ? 1 : 0);
        const question = (decided[asked] ??= { choice: 0, of });
        asked++;
        if (step && question.choice === 0) {
          trail.push(step[0]);
          next++;
          step[1](world);
          await settle();
          world.hold();
        } else {
          const index = question.choice - (step ? 1 : 0);
          trail.push(`wait ${index} ends`);
          await world.release(index);
        }
      }
      await end(world);
    } catch (error) {
      throw new Error(`after ${trail.join(', ')}`, { cause: error });
    }
    decided.length = asked;
    while (decided.length > 0 && isLast(decided.at(-1))) decided.pop();
    const last = decided.at(-1);
    if (!last) return runs;
    last.choice++;
  }
}

const isLast = (question: { choice: number; of: number } | undefined) =>
  question?.choice === (question?.of ?? 0) - 1;

/** All waits end, in order. */
async function finish(world: World): Promise<void> {
  while (world.waiting.length > 0) await world.release(0);
}

const link = (endpoint: string): Step => [
  `a link to ${endpoint}`,
  ({ page }) => void page.hub.lookAt('evil/model', endpoint),
];
const start: Step = ['the page starts', ({ page }) => void page.hub.start()];
const blur: Step = ['the endpoint loses focus', ({ page }) => void page.hub.recallToken()];
const leaveToken: Step = [
  'the token loses focus',
  ({ page }) => {
    page.hub.keepToken();
  },
];
const load: Step = [
  'Load model',
  ({ page }) => {
    page.hub.load();
  },
];
const goHome: Step = [
  'the endpoint is entered again',
  ({ page }) => {
    page.hub.endpoint = HOME;
  },
];
const type: Step = [
  'a token is typed and remembered',
  (world) => {
    const { hub } = world.page;
    if (hub.endpoint === HOME) world.give(HOME, 'typed');
    hub.token = hub.endpoint === HOME ? 'typed' : '';
    hub.remember = true;
  },
];
const otherTab: Step = [
  'another tab remembers another token',
  (world) => {
    world.give(HOME, 'from-another-tab');
    world.stored.set(HOME, 'from-another-tab');
  },
];
const loadStored: Step = [
  'Load from this device',
  ({ page }) => {
    page.hub.loadStored({ ...model, endpoint: HOME });
  },
];
const check: Step = ['Check', ({ page }) => void page.hub.check({ ...model, endpoint: HOME })];

const remembering = () => {
  const world = new World();
  world.give(HOME, 'remembered');
  world.stored.set(HOME, 'remembered');
  return world;
};

const EVIL = 'https://evil.example';

describe('a remembered token', () => {
  it.each<readonly [string, readonly Step[]]>([
    ['the page still reads it', [start, link(EVIL), load]],
    ['the endpoint has just lost focus', [blur, link(EVIL), blur, load]],
    ['another tab writes one', [start, otherTab, link(EVIL), load]],
    ['a token is typed', [start, type, link(EVIL), leaveToken]],
    ['the link came first', [link(EVIL), start, load]],
    ['the person goes back to the first endpoint', [start, link(EVIL), goHome, load]],
    ['a stored model is loaded', [start, link(EVIL), loadStored]],
    ['a stored model is checked', [start, link(EVIL), check, load]],
    ['a second link follows', [start, link(EVIL), link('https://home.example'), load]],
  ])(
    'never reaches the server of a link, whatever finishes first, when %s',
    async (_, steps) => {
      const runs = await everyInterleaving(remembering, steps, async (world) => {
        await finish(world);
        // The token is still remembered.
        world.page.hub.endpoint = HOME;
        void world.page.hub.recallToken();
        await settle();
        await finish(world);
        expect(world.page.hub.token).not.toBe('');
        expect(world.stored.get(HOME)).toBeDefined();
        world.page.hub.load();
        await settle();
        await finish(world);
        expect(world.requests.at(-1)?.authorization).toBe(`Bearer ${world.page.hub.token}`);
      });
      expect(runs).toBeGreaterThan(3);
    },
    60_000,
  );

  it.each([
    'http://home.example/hf',
    'https://home.example:8443/hf',
    'https://home.example./hf',
    'https://home.example',
    'https://home.example/hf2',
    'https://home.example/hf/deeper',
    'https://home.example/HF',
    'https://hub.home.example/hf',
    'https://home.example.evil.example/hf',
    'https://home.example@evil.example/hf',
    'https://user@home.example/hf',
    'https://home.example/hf?x=/hf',
    'https://home.example/hf#/hf',
    'https:\\\\evil.example/home.example/hf',
    'http://localhost/hf',
  ])('is not used for %s', async (endpoint) => {
    const world = remembering();
    void world.page.hub.start();
    await settle();
    await finish(world);
    expect(world.page.hub.token).toBe('remembered');
    world.page.hub.endpoint = endpoint;
    void world.page.hub.recallToken();
    await settle();
    await finish(world);
    expect(world.page.hub.token).toBe('');
    expect(world.page.hub.remember).toBe(false);
    world.page.hub.load();
    await settle();
    expect(world.page.client.download.mock.calls[0]?.[0]).toMatchObject({ token: null });
  });

  it.each([
    'HTTPS://HOME.example/hf',
    'https://home.example:443/hf',
    ' https://home.example/hf/ ',
    'https://home.example/hf///',
    'https://home.example/x/../hf',
  ])('is used for %s, which is the same server', async (endpoint) => {
    const world = remembering();
    world.page.hub.endpoint = endpoint;
    void world.page.hub.recallToken();
    await settle();
    await world.release(0).catch(() => undefined); // the address is not in its canonical form
    expect(world.page.hub.token).toBe('remembered');
    world.page.hub.load();
    await settle();
    expect(world.page.client.download.mock.calls[0]?.[0]).toMatchObject({
      token: { endpoint: HOME, secret: 'remembered' },
    });
  });
});

it('A token next to an invalid endpoint is neither stored nor sent', async () => {
  const world = new World();
  const { hub, client } = world.page;
  hub.endpoint = 'home.example';
  hub.token = 'typed';
  hub.remember = true;
  hub.keepToken();
  hub.load();
  await settle();
  expect(world.waiting).toHaveLength(1);
  expect(client.download.mock.calls[0]?.[0]).toMatchObject({ token: null });
  hub.endpoint = HOME;
  expect(hub.token).toBe('');
});
