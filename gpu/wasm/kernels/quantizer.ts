// What the module that quantizes offers: one of its own, loaded with weights that are to be quantized.
export { fromBrain, fromHalves, quantizeRows } from './quantize';
