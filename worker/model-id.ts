import type { ModelRef } from './protocol/load.ts';

/** What a model is called, wherever it comes from. */
export const modelId = (model: ModelRef): string => (typeof model === 'string' ? model : model.id);
