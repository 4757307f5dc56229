import { channel, expect, test } from './help';

// What the desktop's web view cannot do by itself is asked of the program around it.
test('in the desktop window links go to the browser, files to a place one chooses, copies to the clipboard', async ({ open, page }) => {
  await page.addInitScript(() => {
    const asked: unknown[][] = [];
    const note = (name: string) => (...data: unknown[]) => { asked.push([name, ...data]); return Promise.resolve(true); };
    Object.assign(window, { asked, runtime: { EventsOn: () => () => undefined, EventsEmit: note('emit'), BrowserOpenURL: note('browse'), ClipboardSetText: note('copy') } });
  });
  await open();
  const asked = () => page.evaluate(() => (window as unknown as { asked: unknown[][] }).asked);
  await channel(page, 'release');
  await page.getByRole('link', { name: 'https://docs.harbour.example/4.2' }).click();
  await page.getByRole('button', { name: 'Open harbour.png' }).click();
  await page.getByRole('link', { name: 'Save' }).click();
  await page.getByRole('button', { name: 'Close' }).click();
  const row = page.getByRole('article').filter({ hasText: 'Tagging 4.2' });
  await row.hover();
  await row.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Copy text' }).click();
  await expect(page.getByText('Copied')).toBeVisible();
  expect(await asked()).toEqual([
    ['browse', 'https://docs.harbour.example/4.2'],
    ['emit', 'core:save', 'harbour.png', 'harbour', 'ws1'],
    ['copy', 'Tagging 4.2 at 14:30, shout if you need longer.'],
  ]);
});
