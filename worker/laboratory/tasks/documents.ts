import { isObject, show } from '../../hostile-fields.ts';
import { BadJson, parseHostileJson } from '../../hostile-json.ts';
import { Refused } from '../../outcome.ts';
import type { Document } from './task-template.ts';

const LONGEST_FILE = 64 * 2 ** 20;
const limits = { length: LONGEST_FILE, values: 2_000_000, names: 10_000, nonFinite: true, isFile: true };

/** Lines end at a line feed alone: JSON may hold every other character that ends lines somewhere. */
const linesOf = (text: string) => text.split('\n').filter((line) => line.trim() !== '');

/**
 * The documents of a JSONL file, or of a JSON file that holds a list. Every document gets all columns: one that it lacks
 * is null, as in the harness's library for data sets.
 *
 * @throws Refused with `bad-request`, naming the file and the line
 */
export function readDocuments(text: string, file: string): readonly Document[] {
  const refuse = (reason: string): never => {
    throw new Refused({ code: 'bad-request', field: file, reason });
  };
  if (text.length > LONGEST_FILE) refuse(`it has ${text.length} characters, more than ${LONGEST_FILE}`);
  const parse = (part: string, where: string): unknown => {
    try {
      return parseHostileJson(part, limits);
    } catch (error) {
      return error instanceof BadJson ? refuse(`${where}${error.message}`) : refuse(String(error));
    }
  };
  const isList = text.trimStart().startsWith('[');
  const list = isList ? parse(text, '') : linesOf(text).map((line, i) => parse(line, `document ${i}: `));
  if (!Array.isArray(list) || list.length === 0) return refuse('it holds no documents');
  const documents = (list as readonly unknown[]).map((each, i) =>
    isObject(each) ? each : refuse(`document ${i} is ${show(each)}, not an object`),
  );
  const columns = new Set(documents.flatMap((each) => Object.keys(each)));
  return documents.map((each) =>
    Object.fromEntries([...columns].map((column) => [column, each[column] ?? null])),
  );
}
