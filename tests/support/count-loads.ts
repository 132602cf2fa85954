/**
 * Rewrites a kernel so that it counts its own loads, barriers and waits while it runs, by the rules of
 * gpu/webgpu/kernels/access.ts. It takes the WGSL as text: every element of a storage buffer that is read passes its
 * index through a function that counts, and every barrier and every round of a loop begins a new stretch.
 */
import { defineKernel, type Kernel } from '../../gpu/webgpu/kernel.ts';

/** The kernel with one more binding, for what it counts. */
export interface CountingKernel<Binding extends string, Params> {
  readonly kernel: Kernel<Binding | 'counted', Params>;
  /** Storage buffers from which it could load, in the order of their counters. */
  readonly buffers: readonly string[];
}

/** In `counted`: the longest chain, barriers of all invocations, then bytes asked for, by buffer. */
export const CHAIN = 0;
export const BARRIERS = 1;
export const FIRST_BUFFER = 2;

interface StorageBuffer {
  readonly name: string;
  /** 32-bit words of an element. */
  readonly words: number;
  /** Where in `counted` each element has bits for its words that were loaded. */
  readonly marks: number;
}

const wordsOf: Readonly<Record<string, number>> = {
  ...{ f32: 1, u32: 1, vec2f: 2, vec4f: 4, vec4u: 4 },
  ...{ Row: 6, Options: 8 },
};
const rowMembers = ['sequence', 'position', 'rope', 'slot', 'firstSlot', 'endSlot'];

/** What is loaded from these is used as an index. */
const indexes = ['rows', 'tokens'];

/** @param marksOf where the marks of a buffer begin */
export function countLoads<Binding extends string, Params>(
  kernel: Kernel<Binding, Params>,
  marksOf: (buffer: string) => number,
): CountingKernel<Binding, Params> {
  const plain = kernel.source.replaceAll(/\/\/.*$/gm, '');
  const buffers: StorageBuffer[] = [];
  for (const [, name = '', type = ''] of plain.matchAll(/var<storage, \w+>\s+(\w+)\s*:\s*array<(\w+)>;/g)) {
    const words = wordsOf[type];
    if (words === undefined) throw new Error(`${kernel.label} has a buffer of ${type}`);
    buffers.push({ name, words, marks: marksOf(name) });
  }
  const binding = Object.keys(kernel.bindings).length;
  const counting = wrapMain(
    markLoops(
      markLoads(plain, buffers).replaceAll(
        'workgroupBarrier();',
        'workgroupBarrier(); countedStretch += 1u; countedBarriers += 1u;',
      ),
      new Set([...plain.matchAll(/\b(?:override|const) (\w+)/g)].map(([, name = '']) => name)),
    ),
  );
  return {
    kernel: defineKernel({
      ...kernel,
      // Shaders are kept by label.
      label: `${kernel.label}, counting at ${buffers.map(({ marks }) => marks).join()}`,
      source: [counting, countingCode(binding, buffers)].join('\n'),
      bindings: { ...kernel.bindings, counted: 'write' },
    }),
    buffers: buffers.map(({ name }) => name),
  };
}

const countingCode = (binding: number, buffers: readonly StorageBuffer[]) => `
@group(0) @binding(${binding}) var<storage, read_write> counted: array<atomic<u32>>;
var<private> countedStretch = 1u;
var<private> countedBarriers = 0u;
var<private> countedChain = 0u;
var<private> stretchOfLoad = 0u;
${buffers
  .map(
    ({ name, words, marks }) => `
var<private> asked_${name} = 0u;
var<private> latest_${name}: vec2u;
fn counted_${name}(index: u32, skipped: u32, words: u32) -> u32 {
  let load = vec2u(countedStretch, ${words}u * index + skipped);
  if (any(latest_${name} != load)) { // else it is still in a register
    latest_${name} = load;
    asked_${name} += 4u * words;
    atomicOr(&counted[${marks}u + index], ((1u << words) - 1u) << skipped);
    countedChain += u32(stretchOfLoad != countedStretch);
    stretchOfLoad = countedStretch;
    ${indexes.includes(name) ? 'countedStretch += 1u;' : ''}
  }
  return index;
}`,
  )
  .join('\n')}

fn addCounts() {
  atomicMax(&counted[${CHAIN}], countedChain);
  atomicAdd(&counted[${BARRIERS}], countedBarriers);
  ${buffers.map(({ name }, i) => `atomicAdd(&counted[${FIRST_BUFFER + i}], asked_${name});`).join('\n  ')}
}
`;

/** Reads of elements, of a row's members and of a vector's components, but not writes. */
function markLoads(code: string, buffers: readonly StorageBuffer[]): string {
  const names = buffers.map(({ name }) => name).join('|');
  const found = new RegExp(String.raw`(?<![.\w])(${names})\[`).exec(code);
  if (!found) return code;
  const [, name = ''] = found;
  const buffer = buffers.find((each) => each.name === name);
  const open = found.index + name.length;
  const close = closing(code, open);
  const index = markLoads(code.slice(open + 1, close), buffers);
  let rest = code.slice(close + 1);
  let skipped = '0u';
  let words = buffer?.words ?? 0;
  let suffix = '';
  const member = /^\.(\w+)/.exec(rest)?.[1];
  if (rest.startsWith('[')) {
    const end = closing(rest, 0);
    skipped = rest.slice(1, end);
    suffix = rest.slice(0, end + 1);
    words = 1;
  } else if (member !== undefined && rowMembers.includes(member)) {
    skipped = `${rowMembers.indexOf(member)}u`;
    suffix = `.${member}`;
    words = 1;
  }
  rest = rest.slice(suffix.length);
  const isWritten = /^\s*=(?!=)/.test(rest);
  if (/^\s*[-+*/]=/.test(rest) || code[found.index - 1] === '&') {
    throw new Error(`${name} is changed in place, which is not counted`);
  }
  const marked = isWritten ? index : `counted_${name}(${index}, ${skipped}, ${words}u)`;
  return `${code.slice(0, found.index)}${name}[${marked}]${suffix}${markLoads(rest, buffers)}`;
}

/** Every round of a loop begins a new stretch, if compilers cannot know how many rounds there are. */
function markLoops(code: string, known: ReadonlySet<string>): string {
  const found = /\b(?:for|while|loop)\b\s*(?=[({])/.exec(code);
  if (!found) return code;
  let at = found.index + found[0].length;
  let header = '';
  if (code[at] === '(') {
    const end = closing(code, at);
    header = code.slice(at + 1, end);
    at = code.indexOf('{', end);
  }
  const end = closing(code, at);
  const own = /\bvar (\w+)/.exec(header)?.[1];
  const unknown = [...header.matchAll(/\b[A-Za-z_]\w*/g)].filter(
    ([word]) => word !== 'var' && word !== own && !known.has(word),
  );
  const waits = header === '' || own === undefined || unknown.length > 0 ? ' countedStretch += 1u; ' : '';
  const body = markLoops(code.slice(at + 1, end), known);
  return `${code.slice(0, at + 1)}${waits}${body}}${waits}${markLoops(code.slice(end + 1), known)}`;
}

/** Lets `main` call what it was, and add up what the invocation counted. */
function wrapMain(code: string): string {
  const header = /(@compute @workgroup_size\(\w+\)\s*)fn main\(([^{]*)\)\s*\{/;
  const [, stage = '', parameters = ''] = header.exec(code) ?? [];
  const plain = parameters.replaceAll(/@builtin\(\w+\)\s*/g, '');
  const names = [...plain.matchAll(/(\w+)\s*:/g)].map(([, name = '']) => name);
  const wrapped = code.replace(header, () => `fn uncountedMain(${plain}) {`);
  return `${wrapped}
${stage}fn main(${parameters}) {
  uncountedMain(${names.join(', ')});
  addCounts();
}`;
}

/** Where the bracket closes that opens at `open`. */
function closing(code: string, open: number): number {
  const [opening, closed] = [code[open], { '[': ']', '(': ')', '{': '}' }[code[open] ?? '']];
  let depth = 0;
  for (let at = open; at < code.length; at++) {
    if (code[at] === opening) depth++;
    if (code[at] === closed && --depth === 0) return at;
  }
  throw new Error(`a ${String(opening)} is not closed`);
}
