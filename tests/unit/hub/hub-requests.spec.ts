import { describe, expect, it } from 'vitest';
import { hubServer } from '../../../worker/hub/hub-requests.ts';
import type { AccessToken } from '../../../worker/protocol/load.ts';
import type { RequestsOf } from '../../../worker/request.ts';
import { doorThat, hubModel } from './scripted-door.ts';

const token: AccessToken = { endpoint: 'https://hub.example', secret: 'hf_secret' };
const answered = (status: number, headers: Record<string, string> = {}) =>
  new Response(null, { status, statusText: 'no', headers });
const refusalOf = (response: Response, file: string | null, withToken = false) =>
  hubServer({ ...hubModel, token: withToken ? token : null }).refusal(response, file)?.failure ?? null;

describe('A server', () => {
  it('is the repository, the revision and the address that the model names', () => {
    expect(hubServer({ ...hubModel, id: 'owner/model@v2', endpoint: 'https://hub.example//' })).toMatchObject(
      {
        ...{ repository: 'owner/model', revision: 'v2', endpoint: 'https://hub.example' },
      },
    );
    expect(hubServer({ ...hubModel, id: 'owner/model@v2', commit: 'c0ffee' }).revision).toBe('c0ffee');
    expect(hubServer(hubModel).revision).toBe('main');
  });

  it('is asked below its address, past the browser’s cache', async () => {
    const { asked, requestsOf } = doorThat(() => new Response());
    await hubServer(hubModel, requestsOf).ask('api/x?y', { method: 'POST', cache: 'force-cache' });
    expect(asked).toMatchObject([
      { url: 'https://hub.example/api/x?y', init: { method: 'POST', cache: 'no-store' } },
    ]);
  });

  it('gets a token of its own address, and no other one', () => {
    const doors: Parameters<RequestsOf>[] = [];
    const requestsOf: RequestsOf = (...door) => {
      doors.push(door);
      return () => Promise.resolve(new Response());
    };
    hubServer({ ...hubModel, token }, requestsOf);
    hubServer({ ...hubModel, token: { ...token, endpoint: 'https://other.example' } }, requestsOf);
    hubServer(hubModel, requestsOf);
    expect(doors).toEqual([
      [['https://hub.example'], token],
      [['https://hub.example'], null],
      [['https://hub.example'], null],
    ]);
  });

  it.each(['', ' ', 'a b', 'a\nb', 'a\u007f', 'ä', 'x'.repeat(4097)])('refuses the token %j', (secret) => {
    expect(() => hubServer({ ...hubModel, token: { ...token, secret } })).toThrow(/"field":"token".*ASCII/);
  });

  it.each(['!', '~', 'x'.repeat(4096)])('takes the token %j', (secret) => {
    expect(() => hubServer({ ...hubModel, token: { ...token, secret } })).not.toThrow();
  });

  it('keeps its revision and address under the name that it gives the repository', () => {
    const renamed = hubServer({ ...hubModel, id: 'Old/Name@v1' }).renamed('New/Name');
    expect(renamed).toMatchObject({
      ...{ repository: 'New/Name', revision: 'v1', endpoint: 'https://hub.example' },
    });
    expect(renamed.webPage().failure).toEqual({
      ...{ code: 'hub-refused', repository: 'New/Name', endpoint: 'https://hub.example', why: 'web-page' },
    });
    expect(renamed.refusal(answered(404), null)?.failure).toMatchObject({ repository: 'New/Name' });
  });
});

describe('A refusal', () => {
  it.each([
    [401, null, false, 'needs-token'],
    [401, 'config.json', true, 'token-is-wrong'],
    [403, null, false, 'needs-token'],
    [403, null, true, 'not-allowed'],
    [404, null, true, 'no-such-repository'],
  ])('with status %i for the file %s (with a token: %s) means %s', (status, file, withToken, why) => {
    expect(refusalOf(answered(status), file, withToken)).toEqual({
      ...{ code: 'hub-refused', repository: 'owner/model', endpoint: 'https://hub.example', why },
    });
  });

  it('says if it is the revision that is missing', () => {
    const missing = answered(404, { 'x-error-code': 'RevisionNotFound' });
    expect(refusalOf(missing, null)).toMatchObject({ why: 'no-such-revision' });
    expect(refusalOf(answered(404, { 'x-error-code': 'EntryNotFound' }), null)).toMatchObject({
      why: 'no-such-repository',
    });
  });

  it('of a file names the file and the status', () => {
    const failed = (status: number, file: string) => ({
      code: 'download-failed',
      file,
      status,
      reason: 'no',
    });
    expect(refusalOf(answered(404), 'config.json')).toEqual(failed(404, 'config.json'));
    expect(refusalOf(answered(410), 'config.json')).toEqual(failed(410, 'config.json'));
    expect(refusalOf(answered(418), null)).toEqual(failed(418, 'owner/model'));
    expect(refusalOf(answered(499), null)).toEqual(failed(499, 'owner/model'));
  });

  it('quotes the server briefly, without hidden characters', () => {
    const chatty = new Response(null, { status: 418, statusText: `\u009b31m${'x'.repeat(5000)}` });
    expect(refusalOf(chatty, null)).toMatchObject({
      reason: expect.stringMatching(/^\\u\{9b\}31mx{300,400}…$/) as string,
    });
  });

  it.each([408, 429, 500, 503, 599])('is none if status %i may pass', (status) => {
    expect(refusalOf(answered(status), null)).toBeNull();
    expect(refusalOf(answered(status), 'config.json')).toBeNull();
  });
});
