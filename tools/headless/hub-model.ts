import { readEndpoint } from '../../worker/endpoint.ts';
import type { HubModel } from '../../worker/protocol/load.ts';

const PREFIX = 'hub:';

/**
 * The repository that a request names as `hub:owner/name` or `hub:owner/name@revision`; null if it names none. The
 * server and the token are those of the Hub's own tools: `HF_ENDPOINT` and `HF_TOKEN`. Nothing of it is stored.
 */
export function hubModelOf(
  model: string,
  { HF_ENDPOINT = 'https://huggingface.co', HF_TOKEN }: NodeJS.ProcessEnv = process.env,
): HubModel | null {
  if (!model.startsWith(PREFIX)) return null;
  const id = model.slice(PREFIX.length);
  const read = readEndpoint(HF_ENDPOINT);
  const token = HF_TOKEN && read.ok ? { endpoint: read.endpoint, secret: HF_TOKEN } : null;
  return { from: 'hub', id, endpoint: HF_ENDPOINT, token, keep: false };
}
