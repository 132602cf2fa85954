// A setup file: files of tests that share their modules draw the same numbers in any order.
import { restartRandomFloats } from './kernels.ts';

restartRandomFloats();
