// A worker starts here. No chunk may import this file: tools/check/worker-entries.mjs says why.
import { serveHelper } from './serve-helper.ts';

serveHelper();
