import { declareAccess, onceEach } from './access.ts';
import { swiglu } from './swiglu.ts';

export const swigluAccess = declareAccess(swiglu, ({ shape, workgroups }) => ({
  loads: { x: onceEach(8 * shape.dim * workgroups[1]) },
  barriers: 0,
  longestLoadChain: 1,
}));
