import 'fake-indexeddb/auto';
import { describe, expect, it, vi } from 'vitest';
import { newerLine } from '../../../web/panels/hub/words.ts';
import type { Newer } from '../../../worker/protocol/hub.ts';
import type { Outcome } from '../../../worker/protocol/failure.ts';
import { ENDPOINT, fail, model, open, succeed } from './hub-fixture.ts';

describe('a branch that has moved', () => {
  const newer: Newer = { revision: 'main', storedCommit: 'c0ffee0', commit: 'de5' };
  const entered = { from: 'hub', id: 'owner/name', endpoint: ENDPOINT, token: null, keep: true };

  it('is reported after the stored model has loaded, and the newer one is fetched on request', async () => {
    const { hub, playground, client } = open();
    let answer: (outcome: Outcome<Newer>) => void = () => undefined;
    client.newer.mockReturnValueOnce(new Promise((resolve) => (answer = resolve)));
    hub.load();
    await vi.waitFor(() => {
      expect(client.newer).toHaveBeenCalledExactlyOnceWith(entered);
    });
    expect(playground.bring).toHaveBeenCalledOnce();
    expect(hub.newer).toBeNull();
    answer(succeed(newer));
    await vi.waitFor(() => {
      expect(hub.newer).toEqual(newer);
    });
    expect(newerLine(newer)).toBe('main has a newer commit than the stored one (c0ffee0 → de5).');

    client.renew.mockResolvedValueOnce(fail({ code: 'cancelled' }));
    hub.loadNewer();
    expect(hub.newer).toBeNull();
    await vi.waitFor(() => {
      expect(hub.download.at).toBe('failed');
    });
    hub.resume(); // resumes the newer commit, not the stored one
    await vi.waitFor(() => {
      expect(playground.bring).toHaveBeenCalledTimes(2);
    });
    expect(playground.bring).toHaveBeenLastCalledWith({ ...entered, commit: 'de5' });
    expect(client.renew).toHaveBeenCalledTimes(2);
    expect(client.download).toHaveBeenCalledOnce();
    expect(client.newer).toHaveBeenCalledOnce();
  });

  it('is reported after a check', async () => {
    const { hub, client } = open();
    client.newer.mockResolvedValueOnce(succeed(newer));
    await hub.check(model);
    await vi.waitFor(() => {
      expect(hub.newer).toEqual(newer);
    });
    expect(client.newer).toHaveBeenCalledExactlyOnceWith(entered);
  });

  it('is not looked up after a download or a stored load, nor reported for a replaced model', async () => {
    const { hub, playground, client } = open();
    client.download.mockImplementationOnce((_, receive) => {
      receive({ type: 'progress', loadedBytes: 100, totalBytes: 100 });
      return Promise.resolve(succeed(model));
    });
    hub.load();
    await vi.waitFor(() => {
      expect(playground.bring).toHaveBeenCalledOnce();
    });
    hub.loadStored(model);
    await vi.waitFor(() => {
      expect(playground.bring).toHaveBeenCalledTimes(2);
    });
    expect(client.newer).not.toHaveBeenCalled();

    let answer: (outcome: Outcome<Newer>) => void = () => undefined;
    client.newer.mockReturnValueOnce(new Promise((resolve) => (answer = resolve)));
    hub.load();
    await vi.waitFor(() => {
      expect(client.newer).toHaveBeenCalledOnce();
    });
    hub.loadStored(model);
    answer(succeed(newer));
    await vi.waitFor(() => {
      expect(playground.bring).toHaveBeenCalledTimes(4);
    });
    expect(hub.newer).toBeNull();
  });

  it('lets the older commit load by its own name, and fetches one that is incomplete', async () => {
    const { hub, playground, client } = open();
    hub.loadStored({ ...model, superseded: true });
    await vi.waitFor(() => {
      expect(playground.bring).toHaveBeenCalledWith({
        ...entered,
        id: 'owner/name@c0ffee0',
        commit: 'c0ffee0',
      });
    });
    expect(client.renew).not.toHaveBeenCalled();
    hub.loadStored({ ...model, storedAtMs: null, verified: { state: 'incomplete' } });
    await vi.waitFor(() => {
      expect(client.renew.mock.calls[0]?.[0]).toEqual(entered);
    });
  });
});
