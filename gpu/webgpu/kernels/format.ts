import type { ElementType } from '../../numbers/element-type.ts';
import type { MatrixFormat } from '../../numbers/matrix-format.ts';

/** The constants with which a kernel reads eights of this type; see `eight.wgsl`. */
export const eightsOf = (type: ElementType) => ({
  FORMAT: type === 'f32' ? 0 : type === 'f16' ? 1 : 2,
  VECS: type === 'f32' ? 2 : 1,
});

/** The constants with which a kernel reads a weight matrix of this format; see `weights.wgsl`. */
export function weightsOf(format: MatrixFormat) {
  switch (format) {
    case 'q8':
      return { FORMAT: 3, VECS: 1, EIGHTS: 2 };
    case 'q4':
      return { FORMAT: 4, VECS: 1, EIGHTS: 4 };
    default:
      return { ...eightsOf(format), EIGHTS: 1 };
  }
}

/** Workgroups of `size` that cover `count`. */
export const groupsFor = (count: number, size: number) => Math.ceil(count / size);
