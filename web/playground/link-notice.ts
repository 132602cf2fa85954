import type { HealedModel } from '../../worker/protocol/hub.ts';

/** A model of a Hub, or one that was healed here, that this device holds. */
export interface ModelOnDevice {
  readonly id: string;
  readonly endpoint: string;
  /** Otherwise the rest has to be downloaded. */
  readonly complete: boolean;
  readonly commit: string;
  readonly storedAtMs: number;
  /** How it was healed; null for a download. */
  readonly healed: HealedModel | null;
}

/** The parts of a link that the page could not follow. */
export interface LinkNotice {
  readonly complaints: readonly string[];
  /** A model that does not ship with the page; null if the link names none. */
  readonly foreignModel: string | null;
  /** The server that the link names for that model. */
  readonly endpoint: string;
  /** Version and commit of the page that made the link, if it is another than this one. */
  readonly otherBuild: string | null;
  /** Whether the person agreed to ask that server. */
  readonly confirmed: boolean;
}

/**
 * @param foreign    the model that the link asks for and the page does not have, or null
 * @param otherBuild of the page that made the link; null if it is this one, or if the link does not say
 */
export function noticeOf(
  complaints: readonly string[],
  foreign: { readonly model: string; readonly endpoint: string } | null,
  otherBuild: string | null,
): LinkNotice | null {
  if (!foreign && complaints.length === 0 && otherBuild === null) return null;
  const { model: foreignModel, endpoint } = foreign ?? { model: null, endpoint: '' };
  return { complaints, foreignModel, endpoint, otherBuild, confirmed: false };
}
