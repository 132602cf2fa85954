/** What ends a run although the request was fine, in a sentence. What was measured before stays. */
export class LabError extends Error {}
