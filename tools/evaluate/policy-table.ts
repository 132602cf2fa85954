import { keepEverything } from '../../gpu/kv/policies/keep-everything.ts';
import { kvBytesUnder } from '../../gpu/kv/policies/usage.ts';
import { policyOf } from '../../worker/engine/open-policy.ts';
import { applyConfig } from '../../worker/loader/apply-config.ts';
import { parseModelConfig } from '../../worker/loader/model-config.ts';
import { valueOf } from '../../worker/outcome.ts';
import type { MeasuredPolicies } from '../../worker/protocol/policy-table.ts';
import type { KernelCard } from './evaluation.ts';
import { policyAlone, type PolicyFigures } from './policies.ts';

/** What the page shows of a model's figures, with the KV that each policy holds after a whole window. */
export async function policiesOf(
  id: string,
  config: unknown,
  { windowTokens, fullBitsPerByte, results }: PolicyFigures,
  kernels: readonly KernelCard[],
): Promise<MeasuredPolicies> {
  const { dims, stored } = valueOf(parseModelConfig(config));
  const { sharing } = valueOf(applyConfig(stored, {}, dims.layerCount));
  const context = { contextTokens: dims.contextTokens, maxNewTokens: windowTokens };
  const of = [sharing, dims, 'f16', windowTokens] as const;
  const points = results.map(async ({ policy: name, rows, kernels: file, bitsPerByte, standardError }) => {
    const alone = policyAlone(name, rows);
    const request = file === null ? alone : { id: 'less', sparse: alone, kernels: file };
    const rank = kernels.find((card) => card.file === file)?.rank ?? 0;
    return {
      policy: name,
      rows,
      less: file !== null,
      kvBytes: kvBytesUnder(await policyOf(request, context), rank, ...of),
      bitsPerByte: rounded(bitsPerByte),
      standardError: rounded(standardError),
    };
  });
  return {
    id,
    kvBytes: kvBytesUnder(keepEverything, 0, ...of),
    bitsPerByte: rounded(fullBitsPerByte),
    points: await Promise.all(points),
  };
}

const rounded = (value: number) => Number(value.toFixed(4));
