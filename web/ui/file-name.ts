const LONGEST_NAME = 120;

/**
 * A name for a file that says what it holds, on every system: letters, digits, dots, hyphens and underscores only.
 * `fileName(['KV bytes in use', 'fairy-lckv'], 'svg')` is `kvtab-KV-bytes-in-use-fairy-lckv.svg`.
 */
export function fileName(parts: readonly string[], extension: string): string {
  const name = ['kvtab', ...parts]
    .map((part) => part.replace(/[^\p{L}\p{N}._-]+/gu, '-').replace(/^[-.]+|[-.]+$/g, ''))
    .filter((part) => part !== '')
    .join('-');
  return `${name.slice(0, LONGEST_NAME).replace(/[-.]+$/, '')}.${extension}`;
}
