import { expose } from 'comlink';
import { ModelText } from './model-text.ts';

// A worker of its own, because it can be ended from outside whatever it is doing: see guarded-text.ts.
expose(new ModelText());
