/** What `npm run evaluate -- --policies` measured of the models that ship: `models/policies.json` beside the page. */
export interface PolicyTable {
  readonly windows: number;
  readonly windowTokens: number;
  /** Of each window. The rest is fed under the policy, and only its bits count. */
  readonly promptTokens: number;
  readonly models: readonly MeasuredPolicies[];
}

export interface MeasuredPolicies {
  readonly id: string;
  /** KV of a whole window in 16 bits, with everything kept. */
  readonly kvBytes: number;
  readonly bitsPerByte: number;
  readonly points: readonly MeasuredPolicy[];
}

export interface MeasuredPolicy {
  /** The policy that decides which rows stay. */
  readonly policy: string;
  readonly rows: number;
  /** Whether what it evicts goes into the state of LESS. */
  readonly less: boolean;
  /** Rows, their scores and positions, and states, after a whole window in 16 bits. */
  readonly kvBytes: number;
  readonly bitsPerByte: number;
  /** Of the difference from everything kept, over the same windows. */
  readonly standardError: number;
}
