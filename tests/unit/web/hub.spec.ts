import 'fake-indexeddb/auto';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { tokensOnDevice } from '../../../web/panels/hub/remembered-token.ts';
import type { HubEvent } from '../../../worker/protocol/hub.ts';
import { ENDPOINT, fail, looked, model, open, succeed } from './hub-fixture.ts';

beforeEach(async () => {
  await tokensOnDevice.keep(ENDPOINT, null);
});

describe('Stored models', () => {
  it('deletes what cannot be read, and then counts again', async () => {
    const { hub, client } = open();
    client.unreadable.mockResolvedValue(succeed(2));
    await hub.refresh();
    expect(hub.unreadable).toBe(2);
    client.unreadable.mockResolvedValue(succeed(0));
    await hub.removeUnreadable();
    expect(client.removeUnreadable).toHaveBeenCalledOnce();
    expect(hub.unreadable).toBe(0);
  });
});

describe('A pause', () => {
  it('does not count for the speed, even if bytes from before it are told during it', async () => {
    let nowMs = 0;
    const { hub, client } = open({ now: () => nowMs });
    let tell: (event: HubEvent) => void = () => undefined;
    client.download.mockImplementation((_, receive) => {
      tell = receive;
      return new Promise(() => undefined);
    });
    hub.load();
    await vi.waitUntil(() => client.download.mock.calls.length > 0);
    const tellAt = (ms: number, loadedBytes: number) => {
      nowMs = ms;
      tell({ type: 'progress', loadedBytes, totalBytes: 1e6 });
    };
    for (let second = 0; second <= 4; second++) tellAt(1000 * second, 1000 * second);
    hub.pause();
    tellAt(4050, 4050);
    expect(hub.running).toMatchObject({ paused: true, loadedBytes: 4050 });
    nowMs = 60_000;
    hub.resume();
    tellAt(60_100, 5000);
    expect(hub.running).toMatchObject({ paused: false, bytesPerSec: null });
    tellAt(63_100, 8000);
    expect(hub.running?.bytesPerSec).toBeCloseTo(1000);
  });
});

describe('Models on this device', () => {
  it('tells the page how they were healed, and not of one that is being deleted', async () => {
    const { hub, playground, client } = open();
    const healed = {
      ...{ model: 'fairy-llama', layerTypes: '0_0', slidingWindow: 64, steps: 100 },
      ...{ bitsPerByte: 1.7, onSample: true },
    };
    client.stored.mockResolvedValue(succeed([{ ...model, healed }]));
    await hub.refresh();
    const told = { id: 'owner/name', commit: model.commit, complete: true, storedAtMs: 1, healed };
    expect(playground.onDevice).toMatchObject([told]);
    await hub.remove(hub.kept);
    expect(playground.onDevice).toEqual([]);
    await hub.takeBack();
    expect(playground.onDevice).toMatchObject([told]);
  });
});

describe('Load model', () => {
  it('downloads the entered model, asks the browser to keep it, and gives it to the playground', async () => {
    const { hub, playground, client, persist } = open();
    hub.token = ' secret ';
    client.download.mockImplementation((_, receive) => {
      receive({ type: 'progress', loadedBytes: 10, totalBytes: 100 });
      expect(hub.download).toMatchObject({ at: 'downloading', loadedBytes: 10, totalBytes: 100 });
      return Promise.resolve(succeed(model));
    });
    client.unreadable.mockResolvedValue(succeed(2));
    hub.load();
    await vi.waitFor(() => {
      expect(playground.bring).toHaveBeenCalledOnce();
    });
    const token = { endpoint: ENDPOINT, secret: 'secret' };
    const asked = { from: 'hub', id: 'owner/name', endpoint: ENDPOINT, token, keep: true };
    expect(client.download.mock.calls[0]?.[0]).toEqual(asked);
    expect(playground.bring).toHaveBeenCalledWith({ ...asked, commit: model.commit });
    expect(persist).toHaveBeenCalledOnce();
    expect(hub.download).toMatchObject({ at: 'stored' });
    expect(hub.stored).toEqual([model]);
    expect(hub.unreadable).toBe(2);
  });

  it('loads the chosen model if no repository is entered', () => {
    const { hub, playground, client } = open();
    hub.repository = '  ';
    hub.load();
    expect(playground.load).toHaveBeenCalledOnce();
    expect(client.download).not.toHaveBeenCalled();
  });

  it('explains a wrong name at its field', async () => {
    const { hub, client } = open();
    client.download.mockResolvedValue(
      fail({ code: 'bad-request', field: 'repository', reason: 'it is no name' }),
    );
    hub.load();
    await vi.waitFor(() => {
      expect(hub.problems).toEqual({ repository: 'it is no name' });
    });
  });

  it('ignores the events and the result of a download that another one replaced', async () => {
    const { hub, playground, client } = open();
    let first: (event: HubEvent) => void = () => undefined;
    client.download.mockImplementationOnce((_, receive) => {
      first = receive;
      return Promise.resolve(fail({ code: 'cancelled' }));
    });
    client.download.mockResolvedValueOnce(succeed({ ...model, repository: 'owner/other' }));
    hub.load();
    hub.repository = 'owner/other';
    hub.load();
    first({ type: 'progress', loadedBytes: 1, totalBytes: 2 });
    await vi.waitFor(() => {
      expect(playground.bring).toHaveBeenCalledOnce();
    });
    expect(hub.download).toMatchObject({ at: 'stored', id: 'owner/other' });
  });

  it('offers to load without storing if there is no room', async () => {
    const { hub, playground, client } = open();
    client.download.mockResolvedValue(fail({ code: 'no-room', neededBytes: 2, availableBytes: 1 }));
    hub.load();
    await vi.waitFor(() => {
      expect(hub.download.at).toBe('failed');
    });
    hub.loadWithoutStoring();
    expect(playground.bring).toHaveBeenCalledWith(expect.objectContaining({ keep: false }));
  });
});

it('A link is looked up without a token that belongs to another server, and loads nothing', async () => {
  const { hub, playground, client } = open();
  hub.token = 'secret';
  await hub.lookAt('evil/model', 'https://evil.example');
  expect(client.look.mock.calls[0]?.[0]).toMatchObject({ endpoint: 'https://evil.example', token: null });
  expect(hub.download).toEqual({ at: 'found', id: 'evil/model', looked });
  expect(client.download).not.toHaveBeenCalled();
  expect(playground.bring).not.toHaveBeenCalled();
});

it('A look or a check that fails leaves nothing to continue, and says so', async () => {
  const { hub, client } = open();
  client.check.mockResolvedValue(fail({ code: 'cancelled' }));
  await hub.check(model);
  expect(hub.download).toMatchObject({ at: 'failed', during: 'check' });
  client.look.mockResolvedValue(fail({ code: 'cancelled' }));
  await hub.lookAt('owner/model', 'https://hub.example');
  expect(hub.download).toMatchObject({ at: 'failed', during: 'look' });
  client.download.mockResolvedValue(fail({ code: 'cancelled' }));
  hub.load();
  await vi.waitFor(() => {
    expect(hub.download).toMatchObject({ at: 'failed', during: 'load' });
  });
});

describe('a load of a stored model that fails', () => {
  const failed = (code: 'bad-weights' | 'out-of-memory') => ({ at: 'failed', failure: { code } });
  const opened = async () => {
    const got = open();
    got.hub.load();
    await vi.waitFor(() => {
      expect(got.playground.bring).toHaveBeenCalledOnce();
    });
    return got;
  };

  it('has its files checked, and is tried again if one of them was bad', async () => {
    const { hub, playground, client } = await opened();
    client.check.mockResolvedValue(
      succeed({ ...model, verified: { state: 'sound', atMs: 2, repairedBytes: 8 } }),
    );
    playground.phase = failed('bad-weights');
    await hub.lookInto();
    expect(playground.load).toHaveBeenCalledOnce();
    await hub.lookInto(); // the same failure is checked once
    expect(client.check).toHaveBeenCalledOnce();
  });

  it('is not tried again if the files are unchanged', async () => {
    const { hub, playground, client } = await opened();
    playground.phase = failed('bad-weights');
    await hub.lookInto();
    expect(client.check).toHaveBeenCalledOnce();
    expect(playground.load).not.toHaveBeenCalled();
    expect(hub.download).toMatchObject({ at: 'checked', repairedBytes: 0 });
  });

  it('for lack of memory checks no file', async () => {
    const { hub, playground, client } = await opened();
    playground.phase = failed('out-of-memory');
    await hub.lookInto();
    expect(client.check).not.toHaveBeenCalled();
  });
});

it('A name with other capitals loads the model under the name that the server uses', async () => {
  const { hub, playground } = open();
  hub.repository = 'OWNER/Name@v1';
  hub.load();
  await vi.waitFor(() => {
    expect(playground.bring).toHaveBeenCalledOnce();
  });
  expect(playground.bring).toHaveBeenCalledWith(expect.objectContaining({ id: 'owner/name@v1' }));
});

describe('an access token', () => {
  const stored = (endpoint: string) => tokensOnDevice.recall(endpoint);

  it('is remembered for its server, or forgotten, only if the person says so', async () => {
    const { hub } = open();
    hub.token = 'secret';
    hub.keepToken();
    expect(await stored(ENDPOINT)).toBeNull();
    hub.remember = true;
    await vi.waitFor(async () => {
      expect(await stored(ENDPOINT)).toBe('secret');
    });
    expect(await stored('https://huggingface.co')).toBeNull();
    const later = open().hub;
    await later.recallToken();
    expect(later.token).toBe('secret');
    later.endpoint = 'https://other.example';
    await later.recallToken();
    expect(later.token).toBe('');
    expect(later.remember).toBe(false);
    later.endpoint = ENDPOINT;
    expect(later.token).toBe('secret');
    later.remember = false;
    await vi.waitFor(async () => {
      expect(await stored(ENDPOINT)).toBeNull();
    });
  });

  it('of the default endpoint is neither shown for another one nor sent there', async () => {
    const { hub, client } = open();
    hub.endpoint = 'https://huggingface.co';
    hub.token = 'secret';
    hub.endpoint = ENDPOINT;
    expect(hub.token).toBe('');
    hub.load();
    await vi.waitFor(() => {
      expect(client.download).toHaveBeenCalledOnce();
    });
    expect(client.download.mock.calls[0]?.[0].token).toBeNull();
  });

  it('is not remembered by default', async () => {
    const { hub, playground } = open();
    hub.token = 'secret';
    hub.load();
    await vi.waitFor(() => {
      expect(playground.bring).toHaveBeenCalledOnce();
    });
    expect(await stored(ENDPOINT)).toBeNull();
  });

  it('stays remembered when a model is loaded before the device has answered', async () => {
    await tokensOnDevice.keep(ENDPOINT, 'secret');
    const { hub, playground } = open();
    const recalled = hub.recallToken();
    hub.load();
    await recalled;
    await vi.waitFor(() => {
      expect(playground.bring).toHaveBeenCalledOnce();
    });
    expect(await stored(ENDPOINT)).toBe('secret');
    expect(hub.token).toBe('secret');
  });

  it('is forgotten when its field is emptied', async () => {
    await tokensOnDevice.keep(ENDPOINT, 'secret');
    const { hub } = open();
    await hub.recallToken();
    hub.token = '';
    hub.keepToken();
    await vi.waitFor(async () => {
      expect(await stored(ENDPOINT)).toBeNull();
    });
  });

  it('that is typed while the device is read is not replaced', async () => {
    await tokensOnDevice.keep(ENDPOINT, 'old');
    const { hub } = open();
    const recalled = hub.recallToken();
    hub.token = 'new';
    await recalled;
    expect(hub.token).toBe('new');
    expect(hub.remember).toBe(true);
  });
});
