import { channel, expect, frames, list, test } from './help';

test.beforeEach(async ({ open }) => open());
const box = (page: import('@playwright/test').Page, name = 'general') => page.getByRole('textbox', { name: `Message #${name}` });

test('Ctrl+K finds channels, people and actions; the current channel comes last', async ({ page }) => {
  await channel(page, 'release');
  await page.keyboard.press('Control+k');
  await page.keyboard.type('re');
  const options = page.getByRole('option');
  await expect(options.nth(0)).toHaveText(/research/);
  await expect(options.filter({ hasText: 'you are here' })).toHaveText(/release/);
  await page.keyboard.press('ArrowDown');
  await expect(options.nth(1)).toHaveAttribute('aria-selected', 'true');
  await page.keyboard.press('Escape');
  await expect(page.getByRole('combobox')).toHaveCount(0);
  await page.keyboard.press('Control+k');
  await page.keyboard.type('support');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'support', exact: true })).toBeVisible();
});

test('a channel opens at its new line, which stays until Esc', async ({ page }) => {
  await channel(page, 'release');
  const line = page.getByText('New since 14:02');
  await expect(line).toBeInViewport();
  await page.evaluate(() => window.fake.hears('release', 'ada', new Date().toISOString(), 'Another one'));
  await expect(page.getByText('Another one')).toHaveCount(1);
  await expect(line).toHaveCount(1);
  await list(page, 'release').getByRole('article').last().focus();
  await page.keyboard.press('Escape');
  await expect(line).toHaveCount(0);
});

test('a message is read by being in view, not by opening', async ({ page }) => {
  // #release does not fit: its last rows are unread until they were seen.
  await page.setViewportSize({ width: 1280, height: 420 });
  await channel(page, 'release');
  await frames(page);
  const entry = page.getByRole('button', { name: /^release/ });
  await expect(entry).toHaveAccessibleName('release 2 unread messages, 1 mention');
  await list(page, 'release').getByRole('article').first().focus();
  await page.keyboard.press('End');
  await expect(entry).toHaveAccessibleName('release');
});

test('what arrives in view of a short channel is read, without any scrolling', async ({ page }) => {
  await channel(page, 'lunch');
  const entry = page.getByRole('button', { name: /^lunch/ });
  await page.evaluate(() => window.fake.hears('lunch', 'ada', new Date().toISOString(), 'Soup today'));
  await expect(page.getByText('Soup today')).toBeInViewport();
  await expect(entry).toHaveAccessibleName('lunch');
  expect(await page.evaluate(() => window.fake.calls.includes('MarkRead'))).toBe(true);
});

test('the list is one tab stop, and rows are walked with arrows and letters', async ({ page }) => {
  const rows = list(page, 'general').getByRole('article');
  await rows.last().waitFor();
  await rows.last().focus();
  await page.keyboard.press('ArrowUp');
  await expect(rows.nth(-2)).toBeFocused();
  await page.keyboard.press('k');
  await expect(rows.nth(-3)).toBeFocused();
  await page.keyboard.press('j');
  await expect(rows.nth(-2)).toBeFocused();
  expect(await page.locator('article[tabindex="0"]').count()).toBe(1);
  await page.keyboard.press('Tab');
  expect(await page.evaluate(() => !!document.activeElement!.closest('article'))).toBe(false);
});

test('Enter goes into a row, arrows along its actions, Esc out', async ({ page }) => {
  const row = list(page, 'general').getByRole('article').last();
  await row.focus();
  await page.keyboard.press('Enter');
  await expect(row.getByRole('button', { name: 'Add reaction' })).toBeFocused();
  await page.keyboard.press('ArrowRight');
  await expect(row.getByRole('button', { name: 'Reply in thread' })).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(row).toBeFocused();
});

test('t opens a thread with the focus in it; Esc closes it and gives the focus back', async ({ page }) => {
  await channel(page, 'release');
  const row = list(page, 'release').getByRole('article').filter({ hasText: 'second pair of eyes' });
  await row.focus();
  await page.keyboard.press('t');
  await expect(page.getByRole('textbox', { name: 'Reply in this thread' })).toBeFocused();
  await page.keyboard.type('On it');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('complementary', { name: 'Thread' }).getByText('On it')).toBeVisible();
  await expect(row.getByText('5 replies')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('complementary')).toHaveCount(0);
  await expect(row).toBeFocused();
});

test('r, e, m and + act on the row', async ({ page }) => {
  const rows = list(page, 'general').getByRole('article');
  await rows.last().focus();
  await page.keyboard.press('+');
  await page.getByRole('textbox', { name: 'Find an emoji' }).fill('tada');
  await page.getByRole('button', { name: 'party popper' }).waitFor();
  await page.keyboard.press('Enter');
  await expect(rows.last().getByRole('button', { name: /🎉 by Farah Aziz/ })).toHaveAttribute('aria-pressed', 'true');
  const mine = rows.filter({ hasText: 'I keep a list' });
  await mine.focus();
  await page.keyboard.press('e');
  await page.getByRole('textbox', { name: 'Edit message' }).fill('I keep two lists.');
  await page.keyboard.press('Enter');
  await expect(rows.filter({ hasText: 'I keep two lists.' }).getByText('(edited)')).toBeVisible();
  await rows.last().focus();
  await page.keyboard.press('m');
  await expect(rows.last().getByText(/^New/)).toBeVisible();
});

test('Up in an empty box edits the last own message, Esc leaves it', async ({ page }) => {
  await box(page).click();
  await page.keyboard.press('ArrowUp');
  const edit = page.getByRole('textbox', { name: 'Edit message' });
  await expect(edit).toHaveValue(/^I keep a list/);
  await page.keyboard.press('Escape');
  await expect(edit).toHaveCount(0);
});

test('sending shows the row at once as waiting, then as sent, and moves nothing', async ({ page }) => {
  await page.evaluate(() => (window.fake.delay = 200));
  await box(page).fill('Bread comes from me.');
  await page.keyboard.press('Enter');
  const row = list(page, 'general').getByRole('article').filter({ hasText: 'Bread comes from me.' });
  await expect(row).toHaveCount(1);
  await expect(row.getByText('Waiting to send')).toBeVisible();
  const height = (await row.boundingBox())!.height;
  await expect(row.getByText('Sent', { exact: true })).toBeVisible();
  expect((await row.boundingBox())!.height).toBe(height);
  await expect(row).toHaveCount(1);
  await expect(box(page)).toHaveValue('');
});

test('a refused message says why and can be tried again', async ({ page }) => {
  await box(page).fill('Too big');
  await page.evaluate(() => (window.fake.failNext = 'This message is over the limit of 40,000 bytes. Send it as a file.'));
  await page.keyboard.press('Enter');
  const row = list(page, 'general').getByRole('article').filter({ hasText: 'Too big' });
  await expect(row.getByText('over the limit')).toBeVisible();
  await row.getByRole('button', { name: 'Try again' }).click();
  await expect(row.getByText('Sent', { exact: true })).toBeVisible();
});

test('completions never take Enter when nothing was picked', async ({ page }) => {
  await box(page).click();
  await page.keyboard.type('hi @ad');
  await expect(page.getByRole('option', { name: /Ada Njoku/ })).toBeVisible();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await expect(box(page)).toHaveValue('hi @Ada Njoku ');
  await page.keyboard.type('@bra');
  await expect(page.getByRole('option', { name: /Bram/ })).toBeVisible();
  await page.keyboard.press('Enter');
  await expect(list(page, 'general').getByText('hi @Ada Njoku @bra')).toBeVisible();
});

test('Enter inside a code fence makes a line; Shift+Enter always', async ({ page }) => {
  await box(page).click();
  await page.keyboard.type('one');
  await page.keyboard.press('Shift+Enter');
  await page.keyboard.type('```');
  await page.keyboard.press('Shift+Enter');
  await page.keyboard.type('x');
  await page.keyboard.press('Enter');
  await page.keyboard.type('```');
  await expect(box(page)).toHaveValue('one\n```\nx\n```');
});

test('drafts stay with their channel and are marked', async ({ page }) => {
  await box(page).fill('not yet');
  await channel(page, 'lunch');
  await expect(page.getByRole('button', { name: /^general.*draft/ })).toBeVisible();
  await channel(page, 'general');
  await expect(box(page)).toHaveValue('not yet');
  await channel(page, 'design');
  await expect(box(page, 'design')).toHaveValue('What about a darker');
});

test('Alt+arrows walk channels, with Shift the unread ones; F6 walks the regions', async ({ page }) => {
  await page.keyboard.press('Alt+ArrowDown');
  await expect(page.getByRole('heading', { name: 'board', exact: true })).toBeVisible();
  await page.keyboard.press('Alt+Shift+ArrowDown');
  await expect(page.getByRole('heading', { name: 'release', exact: true })).toBeVisible();
  await box(page, 'release').focus();
  const where = () => page.evaluate(() => document.activeElement!.closest('[data-region]')?.getAttribute('data-region'));
  const seen: (string | null | undefined)[] = [];
  for (let i = 0; i < 4; i++) {
    await page.keyboard.press('F6');
    seen.push(await where());
  }
  expect(seen).toEqual(['sidebar', 'header', 'messages', 'composer']);
});

test('Shift+Esc marks all read, and Undo takes it back', async ({ page }) => {
  await page.keyboard.press('Shift+Escape');
  await expect(page.getByRole('button', { name: 'support', exact: true })).toBeVisible();
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(page.getByRole('button', { name: /^support 1 unread message, 1 mention/ })).toBeVisible();
});

test('delete asks, says what it does, and leaves a mark', async ({ page }) => {
  const row = list(page, 'general').getByRole('article').filter({ hasText: 'I keep a list' });
  await row.hover();
  await row.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  await expect(page.getByText('devices that are offline drop it when they return')).toBeVisible();
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await expect(page.getByText('This message was deleted')).toBeVisible();
});

test('a file goes with a message', async ({ page }) => {
  await page.locator('input[type=file]').first().setInputFiles({ name: 'minutes.txt', mimeType: 'text/plain', buffer: Buffer.from('hello') });
  await expect(page.getByText('minutes.txt')).toBeVisible();
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  expect(await page.evaluate(() => window.fake.calls.includes('Send'))).toBe(true);
});

test('joining: a bad link is said, a good one leads through waiting into the workspace', async ({ open, page }) => {
  await open('start=empty');
  await page.getByRole('button', { name: /Join with an invite/ }).click();
  const field = page.getByLabel('Invite link or pasted text');
  await field.fill('hello');
  await expect(page.getByRole('alert')).toHaveText(/There is no invite in this text/);
  await field.fill('hallway:old');
  await expect(page.getByRole('alert')).toHaveText(/This invite ended/);
  await field.fill('hallway:good');
  await page.getByRole('button', { name: 'They match' }).click();
  await page.getByLabel('Your name').fill('Farah Aziz');
  await page.getByRole('button', { name: 'Join', exact: true }).click();
  await expect(page.getByText('Waiting for an administrator to let you in')).toBeVisible();
  await page.evaluate(() => window.fake.admits());
  await expect(page.getByRole('heading', { name: 'Keep your recovery sheet' })).toBeVisible();
  await page.getByRole('button', { name: 'I have kept it, go to #general' }).click();
  await expect(page.getByRole('heading', { name: 'general', exact: true })).toBeVisible();
});

test('a wrong passphrase is said; the right one opens', async ({ open, page }) => {
  await open('start=locked');
  await page.getByLabel('Passphrase').fill('wrong');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('alert')).toHaveText('That is not the passphrase of this computer.');
  await page.getByLabel('Passphrase').fill('harbour lights');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('navigation', { name: 'Sidebar' })).toBeVisible();
});
