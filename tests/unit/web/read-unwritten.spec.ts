import { expect, it } from 'vitest';
import { readUnwritten } from '../../../web/playground/read-unwritten.ts';

it('An address that was kept before a reload counts only for the address that was opened, and from its # on', () => {
  const read = (kept: unknown, opened = '#v=1') => readUnwritten(JSON.stringify(kept), opened);
  expect(read({ opened: '#v=1', edited: '#v=1&seed=2' })).toBe('#v=1&seed=2');
  expect(read({ opened: '#v=1', edited: '' })).toBe('');
  for (const other of [
    { opened: '#v=2', edited: '#v=1&seed=2' },
    { opened: '#v=1', edited: '/another-page' },
    { opened: '#v=1', edited: 5 },
    { opened: '#v=1' },
    ...[null, 5, 'x', [], {}],
  ]) {
    expect(read(other)).toBeNull();
  }
});
