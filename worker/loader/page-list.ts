import { isObject } from '../hostile-fields.ts';
import type { Request } from '../request.ts';

/**
 * The names of the shipped models' files, by id, as `models/index.json` beside the page lists them. A model is absent if
 * there is no list, or if it does not say.
 */
export async function listedFiles(
  request: Request,
  pageUrl: string,
): Promise<ReadonlyMap<unknown, readonly string[]>> {
  try {
    // The page has just read the list, so the browser need not ask for it again.
    const response = await request(new URL('models/index.json', pageUrl), { cache: 'force-cache' });
    const list = (await response.json()) as readonly unknown[]; // what it cannot do with something else, it throws
    return new Map(
      list
        .filter(isObject)
        .flatMap(({ id, fileBytes }) => (isObject(fileBytes) ? [[id, Object.keys(fileBytes)]] : [])),
    );
  } catch {
    return new Map();
  }
}
