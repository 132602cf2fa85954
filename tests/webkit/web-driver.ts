/** An element of the page, as WebDriver names it. */
export type ElementRef = Readonly<Record<string, string>>;

/** Arguments that a test can pass to the page. */
type Given = string | number | boolean | ElementRef;

/** How they arrive in the page. */
type Arrived<T> = T extends ElementRef ? Element : T;

/** W3C WebDriver over HTTP, with the commands that these tests need: https://www.w3.org/TR/webdriver2 */
export class WebDriver {
  readonly #session: string;

  private constructor(session: string) {
    this.#session = session;
  }

  /** @param address of the driver, without a slash at its end */
  static async open(address: string, capabilities: Readonly<Record<string, unknown>>): Promise<WebDriver> {
    const opened = await send('POST', `${address}/session`, { capabilities: { alwaysMatch: capabilities } });
    const { sessionId } = opened as { sessionId: string };
    return new WebDriver(`${address}/session/${sessionId}`);
  }

  async visit(url: string): Promise<void> {
    await this.#post('url', { url });
  }

  async reload(): Promise<void> {
    await this.#post('refresh', {});
  }

  /** Closes the current tab and opens a new one. */
  async replaceTab(): Promise<void> {
    const { handle } = (await this.#post('window/new', { type: 'tab' })) as { handle: string };
    await send('DELETE', `${this.#session}/window`);
    await this.#post('window', { handle });
  }

  async findAll(selector: string): Promise<readonly ElementRef[]> {
    return (await this.#post('elements', { using: 'css selector', value: selector })) as ElementRef[];
  }

  /** The first element of a selector inside another element. */
  async findIn(element: ElementRef, selector: string): Promise<ElementRef> {
    return (await send('POST', `${this.#path(element)}/element`, {
      ...{ using: 'css selector', value: selector },
    })) as ElementRef;
  }

  /** Changes the size of the window, in pixels. */
  async resize(width: number, height: number): Promise<void> {
    await this.#post('window/rect', { width, height });
  }

  /** The elements of a selector whose label or text contains a name. Reading all accessible names is slow. */
  async findLabelled(selector: string, name: string): Promise<readonly ElementRef[]> {
    const script = `return (${String(likelyNamed)})(...arguments)`;
    return (await this.#post('execute/sync', { script, args: [selector, name] })) as ElementRef[];
  }

  /** The name that assistive technology reads out. */
  async nameOf(element: ElementRef): Promise<string> {
    return (await send('GET', `${this.#path(element)}/computedlabel`)) as string;
  }

  /** Clicks in the middle of an element, which must be in sight and not covered. */
  async click(element: ElementRef): Promise<void> {
    await send('POST', `${this.#path(element)}/click`, {});
  }

  /** Presses the keys of a text. In a file input, the text is the paths of files, one per line. */
  async type(element: ElementRef, text: string): Promise<void> {
    await send('POST', `${this.#path(element)}/value`, { text });
  }

  /** Runs a function in the page. It may refer to nothing outside itself. */
  async run<const Args extends readonly Given[], Result>(
    work: (...given: { [Index in keyof Args]: Arrived<Args[Index]> }) => Result | Promise<Result>,
    ...given: Args
  ): Promise<Result> {
    const script = `const given = [...arguments];
      const done = given.pop();
      Promise.resolve(given).then((given) => (${String(work)})(...given))
        .then((value) => done({ value }), (error) => done({ error: String(error) }));`;
    const answer = (await this.#post('execute/async', { script, args: given })) as
      | { readonly value: Result }
      | { readonly error: string };
    if ('error' in answer) throw new Error(answer.error);
    return answer.value;
  }

  async screenshot(): Promise<Uint8Array> {
    return Buffer.from((await send('GET', `${this.#session}/screenshot`)) as string, 'base64');
  }

  async close(): Promise<void> {
    await send('DELETE', this.#session);
  }

  #post(command: string, body: object): Promise<unknown> {
    return send('POST', `${this.#session}/${command}`, body);
  }

  #path(element: ElementRef): string {
    const [id] = Object.values(element);
    if (id === undefined) throw new Error('this is not an element');
    return `${this.#session}/element/${id}`;
  }
}

/** Runs in the page. */
function likelyNamed(selector: string, name: string): Element[] {
  return [...document.querySelectorAll(selector)].filter((element) => {
    const labels = 'labels' in element ? [...((element.labels as NodeList | null) ?? [])] : [];
    const ids = element.getAttribute('aria-labelledby')?.split(' ') ?? [];
    const sources = [element, ...labels, ...ids.map((id) => document.getElementById(id))];
    const texts = [element.getAttribute('aria-label'), ...sources.map((source) => source?.textContent)];
    return texts.some((text) => text?.includes(name));
  });
}

async function send(method: string, url: string, body?: object): Promise<unknown> {
  const response = await fetch(url, { method, ...(body ? { body: JSON.stringify(body) } : {}) });
  const { value } = (await response.json()) as { readonly value: unknown };
  if (response.ok) return value;
  const { error, message } = value as { readonly error: string; readonly message: string };
  throw new Error(`${method} ${new URL(url).pathname}: ${error}: ${message}`);
}
