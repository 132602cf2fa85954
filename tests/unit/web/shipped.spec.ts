import { describe, expect, it, vi } from 'vitest';
import { Shipped } from '../../../web/panels/hub/shipped.svelte.ts';
import { transferOf } from '../../../web/panels/hub/transfer.ts';
import { keepingLine } from '../../../web/panels/hub/words.ts';
import type { ModelEntry } from '../../../web/models/model-index.ts';
import type { Outcome } from '../../../worker/protocol/failure.ts';
import type { KeptFiles, OnKeepEvent, ShippedFiles } from '../../../worker/protocol/keep.ts';
import { fail, looked, succeed } from './hub-fixture.ts';

const entry = (id: string): ModelEntry => ({
  ...{ id, name: '', description: '', stored: looked.config.stored, kernels: [] },
  fileBytes: { 'config.json': 10, 'model.safetensors': 90 },
});

function open(models = [entry('a'), entry('b')]) {
  const kept: KeptFiles[] = [
    { id: 'a', opens: true, missing: [] },
    { id: 'b', opens: false, missing: ['model.safetensors', 'chat_template.jinja'] },
  ];
  const client = {
    kept: vi.fn((_: readonly ShippedFiles[]): Promise<Outcome<readonly KeptFiles[]>> =>
      Promise.resolve(succeed(kept)),
    ),
    keep: vi.fn((_: readonly ShippedFiles[], __: OnKeepEvent): Promise<Outcome<void>> =>
      Promise.resolve(succeed(undefined)),
    ),
    stopKeeping: vi.fn(),
  };
  return { shipped: new Shipped(() => models, client), client };
}

describe('Keep all', () => {
  it('counts what is missing, by the sizes that the list says', async () => {
    const { shipped } = open();
    expect(shipped.missingBytes).toBe(200);
    await shipped.refresh();
    expect(shipped.missingBytes).toBe(90);
    expect(shipped.incomplete.map(({ id }) => id)).toEqual(['b']);
    expect([shipped.opens('a'), shipped.opens('b'), shipped.opens('c')]).toEqual([true, false, false]);
  });

  it('knows no size if the list says none', () => {
    const { fileBytes: _, ...unsized } = entry('c');
    expect(open([entry('a'), unsized]).shipped.missingBytes).toBeNull();
  });

  it('says how far it is, also beside Generate, and asks again what is kept', async () => {
    const { shipped, client } = open();
    await shipped.refresh();
    client.keep.mockImplementation((_, receive) => {
      receive({ fetchedBytes: 45 });
      expect(shipped.keeping).toEqual({ at: 'keeping', fetchedBytes: 45, totalBytes: 90 });
      expect(transferOf(null, shipped.keeping)).toEqual({
        text: 'Models of this page. Keeping: 45 B of 90 B.',
        fraction: 0.5,
      });
      client.kept.mockResolvedValue(succeed([]));
      return Promise.resolve(succeed(undefined));
    });
    await shipped.keepAll();
    expect(shipped.keeping).toEqual({ at: 'kept' });
    expect(transferOf(null, shipped.keeping)).toBeNull();
    expect(client.kept).toHaveBeenCalledTimes(2);
  });

  it('starts once, however often it is pressed', async () => {
    const { shipped, client } = open();
    await Promise.all([shipped.keepAll(), shipped.keepAll()]);
    expect(client.keep).toHaveBeenCalledOnce();
  });

  it('says why it ended', async () => {
    const { shipped, client } = open();
    const facts = { pageIsKept: true, whole: false, count: 7 };
    client.keep.mockResolvedValueOnce(fail({ code: 'cancelled' }));
    await shipped.keepAll();
    expect(keepingLine(shipped.keeping, facts)).toContain('Stopped. What was kept stays');
    client.keep.mockResolvedValueOnce(
      fail({ code: 'download-failed', file: 'a/config.json', status: 500, reason: 'down' }),
    );
    await shipped.keepAll();
    expect(keepingLine(shipped.keeping, facts)).toMatch(/a\/config\.json.*What was kept stays/);
    expect(keepingLine({ at: 'kept' }, { ...facts, whole: true })).toBe('All seven are kept on this device.');
    expect(keepingLine({ at: 'nothing' }, { ...facts, pageIsKept: false })).toContain(
      'nothing opens without a network',
    );
  });
});
