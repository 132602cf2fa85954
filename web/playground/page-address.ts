/** The address of the page without its link. */
export const pageAddress = (): string => `${location.origin}${location.pathname}${location.search}`;
