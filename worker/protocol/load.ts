import type { AdapterFacts } from '../../gpu/backend.ts';
import type { WeightFormats } from '../../gpu/numbers/matrix-format.ts';
import type { KernelFile } from '../../gpu/kv/policies/kernel-file.ts';
import type { ModelDims } from '../../gpu/plan/model-dims.ts';
import type { SamplingOptions } from '../../gpu/plan/sampling.ts';

export type BackendChoice = 'webgpu' | 'cpu';

export interface LoadRequest extends WeightFormats {
  readonly model: ModelRef;
  readonly backend: BackendChoice;
  /** Matrix rows of a workgroup that decodes on a GPU. The usual number if it is left out. */
  readonly workgroupRows?: RowsChoice;
}

export type RowsChoice = 'automatic' | '32' | '16' | '8';

/** The shape of the kernels that decode on a GPU. */
export interface ShapedKernels {
  /** Matrix rows of a workgroup, where a matrix is large enough. */
  readonly rows: number;
  /** `usual` where nothing is measured: on software adapters. */
  readonly chosen: 'set' | 'measured' | 'remembered' | 'usual';
}

/** Which model: the id of one that ships (in the headless runner also a folder), or one that the person brings. */
export type ModelRef = string | BroughtModel;

export type BroughtModel = OpenedFiles | HubModel;

/** Files that a person opened or dropped. They are read in place, never as a whole. */
export interface OpenedFiles {
  readonly from: 'files';
  /** `folder:` and the folder's name, with a number if that name was opened before. A link can only name it. */
  readonly id: string;
  /** Plain file names, without folders. */
  readonly files: ReadonlyMap<string, Blob>;
}

/** A repository of the Hugging Face Hub, or of a server with the same paths. */
export interface HubModel {
  readonly from: 'hub';
  /** `owner/name`, or `owner/name@revision` if a revision is asked for. Links use the same form. */
  readonly id: string;
  readonly endpoint: string;
  /** For gated repositories. Used only if it was given for `endpoint`; never logged or put into an address. */
  readonly token: AccessToken | null;
  /** True: read it from this device, where all of it is stored. False: there was no room, so store nothing. */
  readonly keep: boolean;
  /** The commit to read, if the page knows it, because the revision may move meanwhile. */
  readonly commit?: string;
}

/** A token and the server that it was given for, always together. */
export interface AccessToken {
  /** As `readEndpoint` gives it. */
  readonly endpoint: string;
  readonly secret: string;
}

export interface ModelFacts {
  readonly id: string;
  readonly dims: ModelDims;
  /** The configuration that the checkpoint was made for. */
  readonly stored: SharingConfig;
  /** Whether config.json asks for sequential mode (`use_sequential`). */
  readonly useSequential: boolean;
  readonly hasTokenizer: boolean;
  /** Whether the checkpoint has a chat template. */
  readonly hasChatTemplate: boolean;
  readonly weightBytes: number;
  readonly adapter: AdapterFacts;
  /** Null if there is no choice, as on the CPU. */
  readonly shaped: ShapedKernels | null;
  /** Whether the adapter can say how long a kernel takes. */
  readonly canTimeKernels: boolean;
  /** Kernels of LESS among the model's files. Empty if the source has no list of its files, as the page's own. */
  readonly kernels: readonly KernelFile[];
  /** How the model's authors draw tokens, from generation_config.json; null if it does not say. */
  readonly suggestedSampling: SuggestedSampling | null;
  /** What in the model's files is contradictory or unused, as sentences. The model runs all the same. */
  readonly notices: readonly string[];
}

/** Defaults from a generation_config.json, as transformers reads it. */
export interface SuggestedSampling {
  /** Temperature 0 if the file does not say `do_sample: true`. */
  readonly sampling: Omit<SamplingOptions, 'seed'>;
  readonly maxNewTokens: number | null;
  /** The options that the file itself names; the others are transformers' defaults. */
  readonly said: readonly (keyof SamplingOptions)[];
}

/** The fields of config.json that a user may edit. Each one replaces the checkpoint's own. */
export interface SharingConfig {
  readonly layerTypes: string;
  readonly slidingWindow: number;
  readonly forwardPasses: number;
  readonly backwardPasses: number;
  readonly forceNodiag: boolean;
}
