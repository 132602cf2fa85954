import { expect, test, type Locator, type Page, type TestInfo } from 'playwright/test';
import { openLab, visit, type Lab } from '../lab.ts';

export type Hand = 'mouse' | 'touch' | 'keyboard';

const hands: readonly Hand[] = ['mouse', 'touch', 'keyboard'];
const phone = { width: 390, height: 844 };
/** More presses of Tab than the page has stops. */
const MOST_TABS = 400;

/**
 * Tells one story for each hand, because nothing on the page may need another one. CI hears a sample, and
 * `npm run test:nightly` all.
 *
 * @param sample the hands in CI
 * @param screen a phone for every hand, or only for touch
 */
export function journey(
  title: string,
  { sample, screen }: { sample: readonly Hand[]; screen: 'any' | 'phone' },
  tell: (person: Person, testInfo: TestInfo) => Promise<void>,
): void {
  for (const hand of process.env['KVTAB_NIGHTLY'] === undefined ? sample : hands) {
    test.describe(`by ${hand}`, () => {
      test.use({
        hasTouch: hand === 'touch',
        ...(hand === 'touch' || screen === 'phone' ? { viewport: phone } : {}),
      });
      test(`${title}, by ${hand}`, ({ page }, testInfo) => tell(new Person(page, hand), testInfo));
    });
  }
}

/** Somebody who has only a mouse, a finger or a keyboard. */
export class Person {
  readonly page: Page;
  readonly hand: Hand;
  readonly lab: Lab;

  constructor(page: Page, hand: Hand) {
    this.page = page;
    this.hand = hand;
    this.lab = openLab(page);
  }

  /** Opens the page and waits until its model is loaded. */
  async visit(): Promise<void> {
    await visit(this.page);
  }

  /** @param blocked whether the element says that it is disabled, and explains that when it is pressed */
  async press(element: Locator, { blocked }: { blocked: boolean } = { blocked: false }): Promise<void> {
    if (this.hand === 'mouse') return element.click({ force: blocked });
    if (this.hand === 'touch') return element.tap({ force: blocked });
    // The other two hands wait for this as well.
    if (!blocked) await expect(element).toBeEnabled();
    await this.reach(element);
    const checkable = await element.evaluate((found) => found instanceof HTMLInputElement);
    await this.page.keyboard.press(checkable ? 'Space' : 'Enter');
  }

  async pressButton(name: string): Promise<void> {
    await this.press(this.page.getByRole('button', { name, exact: true }));
  }

  /** Replaces the text of a field. */
  async fill(field: Locator, text: string): Promise<void> {
    if (this.hand === 'mouse') await field.click();
    else if (this.hand === 'touch') await field.tap();
    else await this.reach(field);
    await this.page.keyboard.press('ControlOrMeta+a');
    await this.page.keyboard.insertText(text);
    await expect(field).toHaveValue(text);
  }

  /** Chooses by the text of an option. A list that hangs open belongs to the system, so only keys choose in it. */
  async select(list: Locator, option: string): Promise<void> {
    if (this.hand === 'keyboard') {
      await this.reach(list);
      // The first word, because a space may open the list.
      await this.page.keyboard.type(option.split(' ')[0] ?? '');
    } else {
      await list.selectOption({ label: option });
    }
    await expect(list.locator('option:checked')).toHaveText(option);
  }

  /** Chooses one of a group of radio buttons, which have one stop for Tab and go on with the arrows. */
  async choose(radio: Locator): Promise<void> {
    if (this.hand !== 'keyboard') return this.press(radio);
    const group = await radio.getAttribute('name');
    const chosen = this.page.locator(`input[type=radio][name="${group ?? ''}"]:checked`);
    await this.reach(chosen);
    for (let presses = 0; !(await radio.isChecked()); presses++) {
      expect(presses).toBeLessThan(20);
      await this.page.keyboard.press('ArrowDown');
    }
  }

  /** Turns to another part of the page; the arrows move between the tabs, which have one stop for Tab. */
  async turnTo(tab: string): Promise<void> {
    const wanted = this.page.getByRole('tab', { name: tab, exact: true });
    if (this.hand === 'keyboard') {
      await this.reach(this.page.getByRole('tab', { selected: true }));
      for (let presses = 0; (await wanted.getAttribute('aria-selected')) !== 'true'; presses++) {
        expect(presses).toBeLessThan(20);
        await this.page.keyboard.press('ArrowRight');
      }
      await expect(wanted).toBeFocused();
    } else {
      await this.press(wanted);
    }
    await expect(this.page.getByRole('tabpanel', { name: tab, exact: true })).toBeVisible();
  }

  /** Opens a panel below the output. */
  async open(panel: string): Promise<Locator> {
    const region = this.page.getByRole('region', { name: panel, exact: true });
    await this.press(region.locator('summary').first());
    return region;
  }

  /** Unfolds a panel of settings, if the screen is so narrow that it folds them and it does not stand open already. */
  async unfold(panel: string): Promise<void> {
    await this.#turn(panel, 'folded');
  }

  /** Folds a panel of settings that stands open, if the screen is so narrow that it can be folded. */
  async fold(panel: string): Promise<void> {
    await this.#turn(panel, 'unfolded');
  }

  /** Closes what lies over the page: with Escape, or by its button if there is no such key. */
  async leave(dialog: Locator, button: string): Promise<void> {
    if (this.hand === 'touch') await dialog.getByRole('button', { name: button, exact: true }).tap();
    else await this.page.keyboard.press('Escape');
    await expect(dialog).toBeHidden();
  }

  /** The text that was copied last. */
  async pasted(): Promise<string> {
    return this.page.evaluate(() => navigator.clipboard.readText());
  }

  /** Presses the heading of a panel of settings, if it can be folded and is found as expected. */
  async #turn(panel: string, found: 'folded' | 'unfolded'): Promise<void> {
    const heading = this.page
      .getByRole('group', { name: panel, exact: true })
      .getByRole('button', { name: panel, exact: true, expanded: found === 'unfolded' });
    if ((await heading.count()) > 0) await this.press(heading);
  }

  /** Goes to an element by Tab alone, the shorter way. */
  async reach(element: Locator): Promise<void> {
    await expect(element).toBeVisible();
    const key = await element.evaluate((found) => {
      const { activeElement } = document;
      const before =
        activeElement !== null &&
        (activeElement.compareDocumentPosition(found) & Node.DOCUMENT_POSITION_PRECEDING) !== 0;
      return before ? 'Shift+Tab' : 'Tab';
    });
    for (let presses = 0; presses < MOST_TABS; presses++) {
      if (await element.evaluate((found) => found === document.activeElement)) return;
      await this.page.keyboard.press(key);
    }
    throw new Error(`${String(element)} cannot be reached by ${key}`);
  }
}
