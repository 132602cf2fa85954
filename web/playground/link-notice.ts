/** What of a link could not be followed. */
export interface LinkNotice {
  readonly complaints: readonly string[];
  /** A model that does not ship with the page. */
  readonly foreignModel: string | null;
  /** The server that the link names for it. */
  readonly endpoint: string;
  /** The person wants to see what the server has of it. */
  readonly confirmed: boolean;
}

/** @param foreign the model that was asked for and is not there; null where there is none */
export function noticeOf(
  complaints: readonly string[],
  foreign: { readonly model: string; readonly endpoint: string } | null,
): LinkNotice | null {
  if (!foreign && complaints.length === 0) return null;
  const { model: foreignModel, endpoint } = foreign ?? { model: null, endpoint: '' };
  return { complaints, foreignModel, endpoint, confirmed: false };
}
