import { beforeEach, describe, expect, it } from 'vitest';
import { ProgressReports } from '../../../worker/progress-reports.ts';

describe('Progress', () => {
  let nowMs: number;
  let waiting: { atMs: number; call: () => void } | null;
  let told: string[];
  let reports: ProgressReports<number>;

  beforeEach(() => {
    nowMs = 1000;
    waiting = null;
    told = [];
    reports = new ProgressReports<number>((progress) => told.push(`${progress} at ${nowMs}`), {
      now: () => nowMs,
      later: (ms, call) => {
        expect(waiting).toBe(null); // one timer at most
        waiting = { atMs: nowMs + ms, call };
        return () => (waiting = null);
      },
    });
  });

  function pass(untilMs: number): void {
    if (waiting && waiting.atMs <= untilMs) {
      const { atMs, call } = waiting;
      nowMs = atMs;
      waiting = null;
      call();
    }
    nowMs = untilMs;
  }

  it('is told at once, and then as soon as 100 ms have passed, the latest alone', () => {
    reports.tell(1);
    pass(1010);
    reports.tell(2);
    pass(1020);
    reports.tell(3);
    pass(1300);
    reports.tell(4);
    expect(told).toEqual(['1 at 1000', '3 at 1100', '4 at 1300']);
  });

  it('that is held back can be told now, and once', () => {
    reports.tell(1);
    pass(1050);
    reports.tell(2);
    reports.flush();
    reports.flush();
    pass(1149);
    reports.tell(3);
    pass(2000);
    expect(told).toEqual(['1 at 1000', '2 at 1050', '3 at 1150']);
  });

  it('is not told after the end', () => {
    reports.tell(1);
    reports.tell(2);
    reports.end();
    pass(2000);
    expect(told).toEqual(['1 at 1000']);
  });
});
