/** The words for values on this device that cannot be read, wherever they are listed. */
export const unreadableWords = {
  unreadable: (what: string) =>
    `${what} cannot be read by this version of the page: stored by another version, or damaged.`,
  removeUnreadable: 'Delete what cannot be read',
} as const;
