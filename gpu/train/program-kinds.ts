import type { Passes } from '../plan/forward-plan.ts';
import { passesAt, type Recipe } from './recipe.ts';

interface ProgramKind {
  readonly passes: Passes;
  readonly trained: boolean;
}

/** The programs that a training runs: its steps', and that of evaluations, with the model's own passes. */
export const programsOf = ({
  recipe,
  passes,
}: {
  readonly recipe: Recipe;
  readonly passes: Passes;
}): readonly ProgramKind[] => [
  { passes: passesAt(recipe, 0), trained: true },
  { passes: passesAt(recipe, recipe.steps), trained: true },
  { passes, trained: false },
];
