/**
 * The folder that the user called npm in. npm runs scripts in the repository's folder, and passes the other one on.
 *
 * @param script the name of the npm script
 */
export function startFolder(script: string): string {
  const calledByNpm = process.env['npm_lifecycle_event'] === script;
  return (calledByNpm ? process.env['INIT_CWD'] : undefined) ?? process.cwd();
}
