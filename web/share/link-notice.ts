/** What of a link could not be followed. */
export interface LinkNotice {
  readonly complaints: readonly string[];
  /** A model that does not ship with the page. */
  readonly foreignModel: string | null;
}
