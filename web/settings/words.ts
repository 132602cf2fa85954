/** The words of checks and links. Labels and meanings of settings stand in the table of settings. */
export const words = {
  sentence: (reason: string) => `${reason.charAt(0).toUpperCase()}${reason.slice(1)}.`,
  noPass: 'At least one pass is needed, forward or backward.',
  allEqual: (count: number) =>
    `Without chance all ${count} would be the same text: raise Temperature (0 takes the likeliest), or enter 1.`,
  link: {
    tooLong: (characters: number, most: number) =>
      `it has ${characters.toLocaleString('en')} characters, more than ${most.toLocaleString('en')}, so nothing of it was read`,
    moreComplaints: (parts: number) => `${parts} more parts of it were not understood`,
    tooManyFields: (most: number) => `only the first ${most} of its fields were read`,
    noValue: (field: string) => `“${field}” is not a field with a value`,
    twice: (field: string) => `“${field}” comes twice: the first one counts`,
    otherVersion: (version: string) => `version ${version} is not known here: read as version 1`,
    leftOut: (labels: string) => `${labels}: too long for a link, so set it by hand`,
    unknown: (field: string) => `“${field}” is not known`,
    badValue: (field: string, value: string) => `${field} cannot be “${value}”`,
  },
} as const;
