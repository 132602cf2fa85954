import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Whether there is a Redis server to test with. CI installs one; without it elsewhere, its tests are left out loudly. */
export function hasRedisServer(): boolean {
  const isThere = spawnSync('redis-server', ['--version']).status === 0;
  if (isThere) return true;
  if (process.env['CI']) throw new Error('redis-server is missing: .ci/run installs it');
  console.warn('LEFT OUT: the tests of the queue. Install redis-server to run them.');
  return false;
}

/** A Redis server of this test's own, in memory alone. */
export class RedisServer {
  readonly url: string;
  readonly #process: ChildProcess;

  static async start(password: string): Promise<RedisServer> {
    const port = await freePort();
    const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--requirepass', password];
    const server = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise<void>((resolve, reject) => {
      server.once('exit', () => {
        reject(new Error('redis-server ended at once'));
      });
      server.stdout.setEncoding('utf8').on('data', (text: string) => {
        if (text.includes('Ready to accept connections')) resolve();
      });
    });
    return new RedisServer(`redis://:${password}@127.0.0.1:${port}`, server);
  }

  private constructor(url: string, server: ChildProcess) {
    this.url = url;
    this.#process = server;
  }

  async stop(): Promise<void> {
    const ended = once(this.#process, 'exit');
    this.#process.kill();
    await ended;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port is free');
  return address.port;
}
