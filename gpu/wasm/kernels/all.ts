// What the module offers. These files are AssemblyScript: TypeScript's syntax, WebAssembly's types. Addresses and
// strides are bytes; buffers of rows are padded to whole panels of 32 numbers.
export { areHalves, getRows, putRows } from './panels';
export { getPacked, putPacked, scalesFit } from './packed';
export { project, putBeside } from './project';
export { bytesAreFast } from './byte-dots';
export { projectPacked } from './project-packed';
export { quantizeInput } from './quantize-input';
export { clear, copy, rmsNorm, swiglu } from './rows';
export { normHeads, rotate, storeHalves } from './heads';
export { mixValues, scoreKeys, soften } from './attend';
export { widen } from './widen';
export { addNoise, addProbabilities, maskScores, turnKeys } from './policy';
export { absolute, absorb, gelu, mixState, sumExponentials } from './less';
export { attendRow, attendTogether } from './attend-together';
export { readAhead } from './read-ahead';
