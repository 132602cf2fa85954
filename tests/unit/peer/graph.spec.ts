import { describe, expect, test } from 'vitest';
import { decoderGraph, plainGraph } from '../../../worker/peer/graph/decoder-graph.ts';
import { modelFiles } from '../../../worker/peer/model-files.ts';
import { OnnxGraph } from '../../../worker/peer/graph/onnx-graph.ts';
import { float, message, varint } from '../../../worker/peer/graph/protobuf.ts';
import { CpuWeights } from '../../../gpu/cpu/weights.ts';
import { openFolderSource } from '../../../tools/headless/folder-source.ts';
import { placeHere } from '../../../worker/text/place-here.ts';
import { dims, specs, storedLayers } from '../worker/tiny-checkpoint.ts';
import { fieldsOf, floatsOf, numbersOf, partsOf, textsOf } from './protobuf-reader.ts';

describe('protobuf', () => {
  test.each([
    [0, [0]],
    [127, [127]],
    [128, [0x80, 1]],
    [300, [0xac, 2]],
    [2 ** 35, [0x80, 0x80, 0x80, 0x80, 0x80, 1]],
    [-1, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]],
  ])('encodes %d as the varint that the format defines', (value, wanted) => {
    expect([...varint(value)]).toEqual(wanted);
  });

  test('a float has four bytes, the least significant first', () => {
    expect([...message([float(2, 1)])]).toEqual([2 * 8 + 5, 0, 0, 0x80, 0x3f]);
  });
});

describe('an ONNX graph', () => {
  const graph = new OnnxGraph();
  graph.input('x', 'float', ['rows', 2]);
  const w = graph.floats('w', [2, 3], Float32Array.of(1, -2, 3.5, 0, 1e-30, 6));
  graph.op('MatMul', ['x', w], { outputs: ['y'] });
  graph.op('Softmax', ['y'], { attributes: { axis: -1, scale: { float: 0.5 }, perm: [1, 0] } });
  graph.ints(1, -1);
  graph.ints(1, -1);
  graph.output('y', 'float', ['rows', 3]);
  const model = fieldsOf(graph.toFile());
  const [content] = partsOf(model, 7);

  test('tensors come back with their name, shape, type and values', () => {
    const [first, second, ...others] = partsOf(content, 5);
    expect(others).toEqual([]); // equal constants are one
    expect(textsOf(first, 8)).toEqual(['w']);
    expect(numbersOf(first, 1)).toEqual([2n, 3n]);
    expect(numbersOf(first, 2)).toEqual([1n]);
    expect(floatsOf(first, 9)).toEqual([...Float32Array.of(1, -2, 3.5, 0, 1e-30, 6)]);
    expect(numbersOf(second, 1)).toEqual([2n]);
    expect(numbersOf(second, 2)).toEqual([7n]);
  });

  test('nodes come back with their inputs, outputs and attributes', () => {
    const [product, softmax] = partsOf(content, 1);
    expect([textsOf(product, 4), textsOf(product, 1), textsOf(product, 2)]).toEqual([
      ['MatMul'],
      ['x', 'w'],
      ['y'],
    ]);
    const [axis, scale, perm] = partsOf(softmax, 5);
    expect([textsOf(axis, 1), numbersOf(axis, 3), numbersOf(axis, 20)]).toEqual([['axis'], [-1n], [2n]]);
    expect([floatsOf(scale, 2), numbersOf(scale, 20)]).toEqual([[0.5], [1n]]);
    expect([numbersOf(perm, 8), numbersOf(perm, 20)]).toEqual([[1n, 0n], [7n]]);
  });

  test('each dimension of an input has its length if known, and otherwise a name', () => {
    const [x] = partsOf(content, 11);
    const [type] = partsOf(partsOf(x, 2)[0], 1);
    const axes = partsOf(partsOf(type, 2)[0], 1);
    expect(textsOf(x, 1)).toEqual(['x']);
    expect(axes.map((axis) => [textsOf(axis, 2), numbersOf(axis, 1)])).toEqual([
      [['rows'], []],
      [[], [2n]],
    ]);
  });
});

describe('the graph of a decoder', () => {
  /** Weights that all differ, by their position. */
  function weights() {
    const tensors = new CpuWeights({ weights: 'stored', quantizeEmbeddings: false });
    for (const spec of specs) {
      const values = Float32Array.from({ length: spec.rows * spec.cols }, (_, i) => i);
      tensors.put(spec, 0, new Uint8Array(values.buffer), 'f32');
    }
    return tensors;
  }
  const options = { ...plainGraph, positions: 64 };
  const write = (layers = storedLayers) =>
    partsOf(
      fieldsOf(decoderGraph(dims, { layers, windowTokens: 8, forceNodiag: false }, weights(), options)),
      7,
    )[0];

  test('has one past and one present for each owner of KV, and none for other layers', () => {
    const names = (field: number) => partsOf(write(), field).flatMap((value) => textsOf(value, 1));
    expect(names(11)).toEqual([
      ...['input_ids', 'attention_mask', 'position_ids'],
      ...['past_key_values.0.key', 'past_key_values.0.value'],
      ...['past_key_values.1.key', 'past_key_values.1.value'],
    ]);
    expect(names(12)).toEqual([
      ...['present.0.key', 'present.0.value', 'present.1.key', 'present.1.value', 'logits'],
    ]);
  });

  test('computes every value once, before any node uses it', () => {
    const graph = write();
    const known = new Set(['', ...partsOf(graph, 5).flatMap((tensor) => textsOf(tensor, 8))]);
    for (const input of partsOf(graph, 11)) known.add(textsOf(input, 1)[0] ?? '');
    for (const node of partsOf(graph, 1)) {
      for (const input of textsOf(node, 1))
        expect(known, `an input of ${textsOf(node, 3).join()}`).toContain(input);
      for (const output of textsOf(node, 2).filter((name) => name !== '')) {
        expect(known).not.toContain(output);
        known.add(output);
      }
    }
    for (const output of partsOf(graph, 12)) expect(known).toContain(textsOf(output, 1)[0]);
  });

  test('a layer that reads above uses the past of its owner, any other layer the present', () => {
    const taken = partsOf(write(), 1)
      .filter((node) => textsOf(node, 4)[0] === 'Concat')
      .map((node) => textsOf(node, 1));
    expect(taken).toContainEqual(['zero row', 'past_key_values.1.key']);
    expect(taken).not.toContainEqual(['zero row', 'past_key_values.0.key']);
    const attended = partsOf(write(), 1).filter((node) => textsOf(node, 4)[0] === 'GroupQueryAttention');
    expect(attended.map((node) => textsOf(node, 2)[1])).toEqual(['present.0.key', 'present.1.key']);
  });

  test('matrices are written transposed, as ONNX multiplies', () => {
    const down = partsOf(write(), 5).find((tensor) => textsOf(tensor, 8)[0] === 'down/0/transposed');
    expect(numbersOf(down, 1)).toEqual([24n, 16n]);
    expect(floatsOf(down, 9).slice(0, 3)).toEqual([0, 24, 48]);
  });

  test('the shipped model becomes a model with as many layers as it has caches', async () => {
    const { config, onnx } = await modelFiles({
      ...{ weights: 'stored', quantizeEmbeddings: false, halves: false, positions: () => 64, config: {} },
      source: openFolderSource('public/models/fairy-lckv'),
      openTextPlace: placeHere,
      emit: () => undefined,
    });
    expect(config).toMatchObject({
      model_type: 'llama',
      num_hidden_layers: 3,
      num_key_value_heads: 2,
      head_dim: 32,
    });
    expect(partsOf(partsOf(fieldsOf(onnx), 7)[0], 12)).toHaveLength(2 * 3 + 1);
  });
});
