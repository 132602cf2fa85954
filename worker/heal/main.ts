// A worker starts here. No chunk may import this file: tools/check/worker-entries.mjs says why.
import { serveHeal } from './serve-heal.ts';

serveHeal();
