import oneMatrix from './one-matrix.wgsl?raw';
import weights from './weights.wgsl?raw';

/** WGSL of the rows of a matrix that is bound as `w`. */
export const weightsOfOne = [oneMatrix, weights].join('\n');
