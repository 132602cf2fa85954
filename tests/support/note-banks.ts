/**
 * Rewrites a kernel so that it notes where it reads and writes its workgroup memory, and counts the cycles that takes on a
 * GPU with 32 banks of 4 bytes.
 */
import { defineKernel, type Kernel } from '../../gpu/webgpu/kernel.ts';

/** One access of every invocation of a workgroup: the index of a vec4, by invocation. */
export type Accesses = readonly Uint32Array[];

/** How many accesses are noted, at most, of each invocation. */
export const mostNoted = 1024;

/**
 * The kernel with one more binding. It must be dispatched as one workgroup, whose `main` calls its index `local`.
 *
 * @param kind which accesses to note
 */
export function noteBanks<Binding extends string, Params>(
  kernel: Kernel<Binding, Params>,
  arrays: readonly string[],
  kind: 'reads' | 'writes',
): Kernel<Binding | 'noted', Params> {
  const binding = Object.keys(kernel.bindings).length;
  const body = markAccesses(kernel.source.replaceAll(/\/\/.*$/gm, ''), arrays, kind);
  return defineKernel({
    ...kernel,
    label: `${kernel.label}, noting ${kind}`,
    source: `${body.replace(/fn main\([^{]*\)\s*\{/, (header) => `${header} notedLocal = local;`)}
@group(0) @binding(${binding}) var<storage, read_write> noted: array<u32>;
var<private> notedLocal = 0u;
var<private> notedCount = 0u;
fn note(index: u32) -> u32 {
  noted[notedCount * WG + notedLocal] = index + 1u;
  notedCount += 1u;
  return index;
}`,
    bindings: { ...kernel.bindings, noted: 'write' },
  });
}

function markAccesses(code: string, arrays: readonly string[], kind: 'reads' | 'writes'): string {
  const found = new RegExp(String.raw`\b(${arrays.join('|')})\[`).exec(code);
  if (!found) return code;
  const open = found.index + found[0].length;
  let depth = 1;
  let end = open;
  while (depth > 0) {
    const char = code[end++];
    if (char === '[') depth++;
    if (char === ']') depth--;
  }
  const index = code.slice(open, end - 1);
  const rest = code.slice(end);
  const isWrite = /^\s*=(?!=)/.test(rest);
  const marked = isWrite === (kind === 'writes') ? `note(${index})` : index;
  return `${code.slice(0, open)}${marked}]${markAccesses(rest, arrays, kind)}`;
}

/** What a noting kernel left, access by access. */
export function accessesIn(noted: Uint32Array, invocations: number): Accesses {
  const accesses: Uint32Array[] = [];
  for (let at = 0; at < noted.length && noted[at] !== 0; at += invocations) {
    accesses.push(noted.subarray(at, at + invocations).map((index) => index - 1));
  }
  return accesses;
}

/**
 * Cycles that accesses of 16 bytes take: eight invocations at a time, of which those that ask for other numbers in the
 * same bank wait for each other.
 */
export const bankCycles = (accesses: Accesses): number =>
  accesses.reduce((sum, indexes) => {
    let cycles = 0;
    for (let first = 0; first < indexes.length; first += 8) {
      const perBank = new Map<number, number>();
      for (const index of new Set(indexes.subarray(first, first + 8))) {
        perBank.set(index % 8, (perBank.get(index % 8) ?? 0) + 1);
      }
      cycles += Math.max(...perBank.values());
    }
    return sum + cycles;
  }, 0);
