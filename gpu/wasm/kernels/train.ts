// What the module for training offers. It is a module of its own, loaded only when somebody heals a plan.
export { multiply, multiplyRoom } from './multiply';
export {
  adamW,
  addBias,
  addTo,
  crossEntropy,
  gateUp,
  gateUpBack,
  normRows,
  normRowsBack,
  rotateRows,
  softenBack,
  softenSeen,
  sumOfSquares,
  sumRows,
} from './gradients';
