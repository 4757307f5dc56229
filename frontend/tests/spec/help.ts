import { expect, test as base, type Page } from '@playwright/test';

/** test fails on any error in the page, a refusal by the content security policy included. */
export const test = base.extend<{ open: (query?: string) => Promise<void> }>({
  open: async ({ page }, use) => {
    const faults: string[] = [];
    page.on('console', (m) => m.type() === 'error' && faults.push(m.text()));
    page.on('pageerror', (e) => faults.push(String(e.stack)));
    await page.clock.setFixedTime('2026-11-19T14:12:00+01:00');
    await use(async (query = '') => {
      await page.goto(`/?${query}`);
      await page.locator('#app > *').first().waitFor();
      await page.evaluate(() => document.fonts.ready);
    });
    expect(faults).toEqual([]);
  },
});

export { expect };

/** channel opens a channel by the sidebar and waits for its rows. */
export async function channel(page: Page, name: string): Promise<void> {
  await page.getByRole('navigation', { name: 'Sidebar' }).getByRole('button', { name: new RegExp(`^${name}\\b`) }).click();
  await page.getByRole('region', { name: `Messages in #${name}` }).getByRole('article').first().waitFor();
}

export const list = (page: Page, name: string) => page.getByRole('region', { name: `Messages in #${name}` });

/** frames lets the page draw n times. */
export async function frames(page: Page, n = 3): Promise<void> {
  await page.evaluate((k) => new Promise<void>((done) => {
    const step = (left: number) => (left === 0 ? done() : requestAnimationFrame(() => step(left - 1)));
    step(k);
  }), n);
}
