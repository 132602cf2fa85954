import { expect, it } from 'vitest';
import { unexpectedFailure, WORKER_MISSING } from '../../../worker/unexpected-failure.ts';
import { advise, explain } from '../../../web/ui/explain.ts';

it.each([
  'Failed to fetch dynamically imported module: https://host.example/assets/score-1a.js',
  'error loading dynamically imported module: https://host.example/assets/score-1a.js',
  'Importing a module script failed.',
  WORKER_MISSING,
])('A part of the page that does not come is called that, and not a bug: %s', (message) => {
  const failure = unexpectedFailure(new TypeError(message));
  expect(failure.code).toBe('download-failed');
  expect(explain(failure)).toBe(
    'A part of the page could not be fetched: the connection failed, the site has a new version, or its data in this browser were deleted.',
  );
  expect(advise(failure)).toMatch(/^Reload the page/);
});

it('Everything else that nobody expected is a bug', () => {
  expect(unexpectedFailure(new TypeError('x is undefined'))).toEqual({
    code: 'internal',
    reason: 'x is undefined',
  });
  expect(unexpectedFailure('text')).toEqual({ code: 'internal', reason: 'text' });
});
