/** The only file that knows the YAML library. Task files are read by YAML 1.1, as Python's reader does. */
import { parseDocument, visit } from 'yaml';
import { Refused } from '../../outcome.ts';

const LONGEST_FILE = 1_000_000;

/** Tags that mean plain values. */
const plainTags = /^tag:yaml\.org,2002:(?:str|int|float|bool|null|seq|map)$|^!$/;

/**
 * The value of a YAML file, as plain JSON.
 *
 * @throws Refused with `bad-request` for what is not YAML, and for tags such as `!function`, which name code
 */
export function readYaml(text: string, file: string): unknown {
  const refuse = (reason: string): never => {
    throw new Refused({ code: 'bad-request', field: file, reason });
  };
  if (text.length > LONGEST_FILE) refuse(`it has ${text.length} characters, more than ${LONGEST_FILE}`);
  const document = parseDocument(text, {
    version: '1.1',
    schema: 'yaml-1.1',
    merge: true,
    uniqueKeys: true,
    logLevel: 'silent',
  });
  const [error] = document.errors;
  if (error) refuse(`it is not YAML: ${error.message.split('\n')[0] ?? ''}`);
  visit(document, {
    Node: (_, node) => {
      const { tag } = node;
      if (tag === undefined || plainTags.test(tag)) return;
      const value = 'value' in node && typeof node.value === 'string' ? ` ${node.value}` : '';
      refuse(`${tag}${value} names code or a type of Python; kvtab reads task files that are data alone`);
    },
  });
  // Aliases of aliases may make a small file enormous.
  return document.toJS({ maxAliasCount: 100 }) as unknown;
}
