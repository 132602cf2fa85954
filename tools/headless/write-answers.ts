import type { Answer } from './answer.ts';

/** Takes the next part of the output. */
type Write = (text: string) => Promise<void>;

/** Writes one answer, or an array of them, as JSON and a line's end. */
export async function writeAnswers(answers: Answer | readonly Answer[], write: Write): Promise<void> {
  if (!isList(answers)) {
    await write(`${jsonOf(answers)}\n`);
    return;
  }
  // One by one: all together may be longer than a string can be.
  for (const [index, answer] of answers.entries()) await write((index === 0 ? '[' : ',') + jsonOf(answer));
  await write(answers.length === 0 ? '[]\n' : ']\n');
}

const isList = (answers: Answer | readonly Answer[]): answers is readonly Answer[] => Array.isArray(answers);

function jsonOf(answer: Answer): string {
  try {
    return JSON.stringify(answer);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // "Invalid string length"
    const reason = 'its answer is too long to be written; ask for fewer tokens, steps or logits';
    const tooLong: Answer = { ok: false, failure: { code: 'bad-request', field: '', reason } };
    return JSON.stringify(tooLong);
  }
}
