import { chooseMode } from '../../gpu/plan/choose-mode.ts';
import type { Mode, ModeChoice, Passes } from '../../gpu/plan/forward-plan.ts';
import type { Sharing } from '../../gpu/plan/sharing.ts';
import type { RunnableModel } from './generate.ts';

/** In which mode a model reads a prompt of so many tokens. */
export const modeOf =
  (
    { config, backend }: RunnableModel,
    choice: ModeChoice,
    { sharing, passes }: { readonly sharing: Sharing; readonly passes: Passes },
  ) =>
  (promptTokens: number): Mode =>
    chooseMode(choice, {
      layers: sharing.layers,
      promptTokens,
      passes,
      useSequential: config.useSequential,
      adapter: backend.adapter,
    });
