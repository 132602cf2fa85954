import { describe, expect, it } from 'vitest';
import type { Running } from '../../../web/panels/hub/download.ts';
import { downloadLine } from '../../../web/panels/hub/words.ts';
import { Pace } from '../../../web/panels/hub/pace.ts';
import { formatDuration } from '../../../web/ui/format.ts';

describe('the pace of a download', () => {
  it('is the average of its last seconds', () => {
    const pace = new Pace();
    for (let second = 0; second <= 20; second++) pace.note(second * 100, second * 1000);
    for (let second = 21; second <= 40; second++) pace.note(2000 + (second - 20) * 500, second * 1000);
    expect(pace.bytesPerSec).toBeCloseTo(500);
  });

  it('is unknown at the first packets, after a pause, and when a file is fetched again', () => {
    const pace = new Pace();
    pace.note(0, 0);
    pace.note(1000, 100);
    expect(pace.bytesPerSec).toBeNull();
    pace.note(5000, 1000);
    expect(pace.bytesPerSec, 'a burst says little').toBeNull();
    pace.note(6000, 3000);
    expect(pace.bytesPerSec).toBeCloseTo(2000);
    pace.note(500, 4000);
    expect(pace.bytesPerSec).toBeNull();
    pace.forget();
    expect(pace.bytesPerSec).toBeNull();
  });
});

it.each([
  [400, '1 s'],
  [59_000, '59 s'],
  [150_000, '3 min'],
  [4_800_000, '1 h 20 min'],
])('%d ms are written as %s', (ms, said) => {
  expect(formatDuration(ms)).toBe(said);
});

describe('the status of a download', () => {
  const running: Running = {
    at: 'downloading',
    id: 'owner/name',
    loadedBytes: 2 ** 20,
    totalBytes: 3 * 2 ** 20,
    bytesPerSec: 2 ** 20,
    paused: false,
    following: false,
    waiting: null,
  };

  it.each([
    [running, 'Downloading owner/name: 1 MiB of 3 MiB, 1 MiB/s, 2 s left.'],
    [{ ...running, bytesPerSec: null }, 'Downloading owner/name: 1 MiB of 3 MiB.'],
    [{ ...running, bytesPerSec: 0 }, 'Downloading owner/name: 1 MiB of 3 MiB.'],
    [{ ...running, paused: true }, 'Paused owner/name: 1 MiB of 3 MiB.'],
    [{ ...running, following: true, bytesPerSec: null }, 'Another tab downloads owner/name: 1 MiB of 3 MiB.'],
    [
      { ...running, waiting: { reason: 'the server answered 503', forMs: 4000 } },
      'Downloading owner/name: 1 MiB of 3 MiB; the server answered 503, next try in 4 s.',
    ],
    [
      { ...running, totalBytes: 0, waiting: { reason: 'the server answered 503', forMs: 4000 } },
      'Downloading owner/name; the server answered 503, next try in 4 s.',
    ],
    [{ ...running, totalBytes: 0 }, 'Downloading owner/name…'],
  ] as const)('%# has bytes, speed and time left if they are known', (download, line) => {
    expect(downloadLine(download)).toBe(line);
  });
});
