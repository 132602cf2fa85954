import { Refused } from '../../../worker/outcome.ts';

/** Where a Redis server answers, as its URL says. */
export interface RedisAddress {
  /** For messages: without user and password. */
  readonly shown: string;
  readonly options: {
    readonly host: string;
    readonly port: number;
    readonly db: number;
    readonly username?: string;
    readonly password?: string;
    readonly tls?: object;
  };
  /** A text without the password, in case a library's message holds it. */
  readonly hide: (text: string) => string;
}

/** @throws Refused, without repeating the URL: it may hold a password */
export function readRedisAddress(text: string): RedisAddress {
  const refuse = (reason: string) => new Refused({ code: 'bad-request', field: '--queue', reason });
  const form =
    'it must be redis://host:port or redis://user:password@host:port/database, or rediss:// for TLS';
  if (!URL.canParse(text)) throw refuse(form);
  const { protocol, hostname, port, pathname, username, password } = new URL(text);
  const db = /^\/?(\d{0,6})$/.exec(pathname)?.[1];
  if ((protocol !== 'redis:' && protocol !== 'rediss:') || hostname === '' || db === undefined)
    throw refuse(form);
  const secret = decoded(password);
  return {
    shown: `${protocol}//${hostname}:${port === '' ? 6379 : port}`,
    options: {
      host: hostname.replace(/^\[(.*)\]$/, '$1'),
      port: port === '' ? 6379 : Number(port),
      db: Number(db),
      ...(username !== '' && { username: decoded(username) }),
      ...(secret !== '' && { password: secret }),
      ...(protocol === 'rediss:' && { tls: {} }),
    },
    hide: (message) =>
      [secret, password].reduce((rest, each) => (each === '' ? rest : rest.replaceAll(each, '…')), message),
  };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
