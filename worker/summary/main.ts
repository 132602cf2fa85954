// A worker starts here. No chunk may import this file: tools/check/worker-entries.mjs says why.
import { serveSummary } from './serve-summary.ts';

serveSummary();
