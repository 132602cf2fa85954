/** The version of package.json. Records are keyed by it: numbers may change with it. */
export const engineVersion = '0.1.0';
