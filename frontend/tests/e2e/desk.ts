import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { expect, type Browser, type BrowserContext, type Locator, type Page } from '@playwright/test';
import { Node } from './node';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Desk is a person before a window over a node of their own. */
export class Desk {
  /** faults is everything that went wrong in the page: errors, refusals of the content security policy, failed requests. */
  readonly faults: string[] = [];
  private expected: RegExp[] = [];

  private constructor(readonly person: string, readonly node: Node, readonly context: BrowserContext, readonly page: Page) {}

  static async sit(browser: Browser, person: string): Promise<Desk> {
    const node = await Node.make();
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-GB', timezoneId: 'Europe/Berlin', acceptDownloads: true, reducedMotion: 'reduce' });
    const page = await context.newPage();
    const desk = new Desk(person, node, context, page);
    await page.exposeFunction('refusedByPolicy', (what: string) => desk.faults.push(`content security policy: ${what}`));
    await page.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (e) => {
        (window as unknown as { refusedByPolicy(x: string): void }).refusedByPolicy(`${e.violatedDirective} ${e.blockedURI} ${e.sample}`);
      });
    });
    page.on('console', (m) => (m.type() === 'error' || m.type() === 'warning') && desk.faults.push(`${m.text()} (${m.location().url})`));
    page.on('pageerror', (e) => desk.faults.push(String(e.stack)));
    await page.goto(node.web);
    return desk;
  }

  /** expectFault lets what the browser prints of a refused request pass, where a test means the refusal. */
  expectFault(pattern: RegExp): void {
    this.expected.push(pattern);
  }

  /** sound fails when anything went wrong in the page since it was asked last. */
  sound(): void {
    const left = this.faults.splice(0).filter((f) => !this.expected.some((p) => p.test(f)));
    expect(left, `${this.person}'s page\n${this.node.log}`).toEqual([]);
  }

  async leave(): Promise<void> {
    await this.context.close();
    await this.node.remove();
  }

  get sidebar(): Locator {
    return this.page.getByRole('navigation', { name: 'Sidebar' });
  }

  /** entry is the sidebar's button of a channel or a person, whatever its marks say. */
  entry(name: string): Locator {
    return this.sidebar.getByRole('button', { name: new RegExp(`^${name}\\b`) });
  }

  /** talk is where the messages of a channel stand; a person's name is a direct message. */
  talk(name: string): Locator {
    return this.page.getByRole('region', { name: `Messages in ${name}`, exact: true });
  }

  /** row is the message that has a text. */
  row(where: string, text: string): Locator {
    return this.talk(where).getByRole('article').filter({ hasText: text });
  }

  get thread(): Locator {
    return this.page.getByRole('complementary', { name: 'Thread' });
  }

  async open(name: string): Promise<void> {
    await this.entry(name.replace('#', '')).click();
    await expect(this.page.getByRole('heading', { name: name.replace('#', ''), exact: true, level: 1 })).toBeVisible();
  }

  /** say writes a message and waits until its row stands there, without its marks of emphasis and code. */
  async say(where: string, text: string): Promise<void> {
    const box = this.page.getByRole('textbox', { name: `Message ${where}`, exact: true });
    await box.fill(text);
    await box.press('Enter');
    await expect(this.row(where, text.replace(/[*`]/g, ''))).toHaveCount(1);
  }

  /** menu chooses from a row's menu. */
  async menu(row: Locator, item: string): Promise<void> {
    await row.hover();
    await row.getByRole('group', { name: 'Message actions' }).getByRole('button', { name: 'More' }).click();
    await this.page.getByRole('menuitem', { name: item, exact: true }).click();
  }

  /** go chooses from the switcher. */
  async go(action: string): Promise<void> {
    await this.page.keyboard.press('Control+k');
    await this.page.getByRole('combobox', { name: /Go to a channel/ }).fill(action);
    await expect(this.page.getByRole('dialog').getByRole('option').first()).toContainText(action, { ignoreCase: true });
    await this.page.keyboard.press('Enter');
  }

  /** clean asks axe about what is shown now, and takes a picture of it where SHOTS names a directory. */
  async clean(screen: string): Promise<void> {
    await this.page.evaluate(() => Promise.all([document.fonts.ready, ...document.getAnimations().map((a) => a.finished.catch(() => undefined))]));
    if (process.env.SHOTS) {
      mkdirSync(process.env.SHOTS, { recursive: true });
      await this.page.screenshot({ path: join(process.env.SHOTS, `${screen.replaceAll(' ', '-')}-${this.person.split(' ')[0]!.toLowerCase()}.png`) });
    }
    // The engine comes by the debugger, which the policy of the page does not bind.
    await this.page.evaluate(axe);
    const found = await this.page.evaluate(async () => {
      const engine = (window as unknown as { axe: { run: (o: object) => Promise<{ violations: { id: string; nodes: { target: string[]; failureSummary: string }[] }[] }> } }).axe;
      const r = await engine.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] });
      return r.violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(' ')}: ${n.failureSummary}`));
    });
    expect(found, screen).toEqual([]);
    this.sound();
  }
}
