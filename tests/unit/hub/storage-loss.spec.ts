import { expect, it, vi } from 'vitest';
import { Library } from '../../../worker/hub/library.ts';
import { serveHub } from '../../../worker/hub/serve-hub.ts';
import type { StorageLoss } from '../../../worker/storage/connection.ts';

const listeners: ((loss: StorageLoss) => void)[] = [];
vi.mock('../../../worker/storage/connection.ts', () => ({
  onStorageLoss: (listener: (loss: StorageLoss) => void) => listeners.push(listener),
}));
vi.mock('comlink', () => ({ expose: vi.fn() }));
vi.mock('../../../worker/page-url.ts', () => ({ pageUrl: () => new URL('https://page.example/') }));

it('A download ends as one whose data were deleted only if they were', () => {
  vi.stubGlobal('navigator', { locks: {} });
  const lose = vi.spyOn(Library.prototype, 'loseStorage');
  serveHub();
  for (const loss of ['blocked', 'taken-over'] as const) listeners[0]?.(loss);
  expect(lose).not.toHaveBeenCalled();
  listeners[0]?.('deleted');
  expect(lose).toHaveBeenCalledOnce();
  vi.unstubAllGlobals();
});
