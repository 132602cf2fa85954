/** What counts as one endpoint. The page that remembers tokens and the door that sends them both ask this file. */

export type ReadEndpoint =
  | { readonly ok: true; readonly endpoint: string }
  | { readonly ok: false; readonly reason: string };

/** Addresses longer than this are no endpoints. */
const LONGEST = 2000;
/**
 * What stands for the server of a model that was healed on this device. The name can never be a server's (RFC 2606), so
 * nothing can be asked of it.
 */
export const HEALED_ENDPOINT = 'https://healed.invalid';
/** Over http a page served securely may reach only these hosts. */
const LOCAL_HOSTS = ['localhost', '127.0.0.1'];

/**
 * Reads the address of a server that has the Hub's paths. Two texts for one server, such as
 * `HTTPS://Mirror.example:443/hf/` and `https://mirror.example/hf`, give the same endpoint. Servers that differ in
 * scheme, host, port or path give different ones.
 */
export function readEndpoint(text: string): ReadEndpoint {
  const trimmed = text.trim();
  if (trimmed.length > LONGEST) return no(`the address has more than ${LONGEST} characters`);
  if (!URL.canParse(trimmed)) return no(`“${abridge(trimmed)}” is not an address`);
  const { protocol, hostname, username, password, search, hash, href } = new URL(trimmed);
  const local = protocol === 'http:' && LOCAL_HOSTS.includes(hostname);
  if (protocol !== 'https:' && !local) return no(`“${abridge(trimmed)}” does not start with https://`);
  if (username !== '' || password !== '' || search !== '' || hash !== '') {
    return no('the address of a server has no name, password, question mark or hash in it');
  }
  return { ok: true, endpoint: href.replace(/\/+$/, '') };
}

/** Whether a request goes to an endpoint: the same scheme, host and port, and a path below the endpoint's. */
export function isBelow(endpoint: string, target: URL): boolean {
  const base = new URL(endpoint);
  const folder = base.pathname.replace(/\/*$/, '/');
  return base.origin === target.origin && target.pathname.startsWith(folder);
}

const no = (reason: string): ReadEndpoint => ({ ok: false, reason });

const abridge = (text: string) => (text.length > 60 ? `${text.slice(0, 60)}…` : text);
