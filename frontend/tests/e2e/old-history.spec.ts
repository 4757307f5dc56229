import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test, type Locator } from '@playwright/test';
import { Desk } from './desk';

// A company comes from Slack: its history is brought along, and somebody who is let in by hand reads it.
test.describe.configure({ mode: 'serial' });

const zip = join(dirname(fileURLToPath(import.meta.url)), '../../../app/archive/testdata/slack-export.zip');
let ada: Desk;
let chiyo: Desk;
/** old is the name of a channel that came from Slack. */
let old = '';

test.beforeAll(async ({ browser }) => {
  [ada, chiyo] = await Promise.all([Desk.sit(browser, 'Ada Njoku'), Desk.sit(browser, 'Chiyo Tanaka')]);
});

test.afterEach(() => {
  ada?.sound();
  chiyo?.sound();
});

test.afterAll(async () => {
  await Promise.all([ada?.leave(), chiyo?.leave()]);
});

test('a Slack export becomes channels with their old messages', async () => {
  const { page } = ada;
  await page.getByRole('button', { name: /^Start a workspace/ }).click();
  await page.getByRole('textbox', { name: 'Name of the workspace' }).fill('Harbour Studio');
  await page.getByRole('textbox', { name: 'Your name' }).fill('Ada Njoku');
  await page.getByRole('button', { name: 'Start the workspace' }).click();
  await page.getByRole('button', { name: 'I will do this later' }).click();
  await expect(page.getByRole('heading', { name: 'general', exact: true })).toBeVisible();
  await ada.go('Preferences');
  await page.getByLabel('Choose the zip file').setInputFiles(zip);
  await expect(page.getByText(/\d messages and .* replies in .* channels, by .* people\./)).toBeVisible({ timeout: 60_000 });
  await ada.clean('imported');
  await ada.go('All channels');
  await ada.clean('channels imported');
  await expect(page.getByRole('main').getByRole('button').nth(3)).toBeVisible();
  old = (await page.getByRole('main').getByRole('button').filter({ hasNotText: /New channel|general|random/ }).first().innerText()).split('\n')[0]!;
  await page.getByRole('main').getByRole('button').filter({ hasText: old }).first().click();
  await expect(page.getByRole('article').filter({ hasText: 'from Slack' }).last()).toBeVisible();
  await ada.clean('old channel');
  await page.keyboard.press('Control+Shift+F');
  await page.getByRole('searchbox', { name: 'Search messages' }).fill('error');
  await expect(page.getByRole('status').filter({ hasText: /\d results?\./ })).toBeVisible();
  await ada.clean('old search');
  await page.keyboard.press('Escape');
});

test('Chiyo asks to come in, Ada compares the words and lets her in, and the old messages are there', async () => {
  const { page } = ada;
  await ada.go('Invite people');
  await page.getByRole('radio', { name: /^After you say yes/ }).check();
  await page.getByRole('button', { name: 'Make the invite' }).click();
  const invite = await page.getByRole('textbox', { name: 'Invite link' }).inputValue();
  await page.keyboard.press('Escape');

  const other = chiyo.page;
  await other.getByRole('button', { name: /^Join with an invite/ }).click();
  await other.getByRole('textbox', { name: 'Invite link or pasted text' }).fill(invite);
  await other.getByRole('button', { name: /^(They match|Next)$/ }).click();
  await other.getByRole('textbox', { name: 'Your name' }).fill('Chiyo Tanaka');
  await other.getByRole('button', { name: 'Join', exact: true }).click();
  await expect(other.getByText('Waiting for an administrator to let you in')).toBeVisible({ timeout: 20_000 });
  await chiyo.clean('waiting');

  await ada.go('Members and roles');
  await page.getByRole('tab', { name: 'Requests 1' }).click();
  await expect(page.getByText('Chiyo Tanaka asks to come in')).toBeVisible();
  const words = (list: Locator) => list.getByRole('listitem').allInnerTexts();
  const compared = await words(page.getByRole('list', { name: /^Compare these words/ }));
  expect(compared).toHaveLength(6);
  expect(await words(other.getByRole('list', { name: /six words/ }))).toEqual(compared);
  await ada.clean('requests');
  await page.getByRole('button', { name: 'They match, let in' }).click();

  await expect(other.getByRole('heading', { name: 'Keep your recovery sheet' })).toBeVisible({ timeout: 30_000 });
  await other.getByRole('button', { name: 'I will do this later' }).click();
  await expect(other.getByRole('heading', { name: 'general', exact: true })).toBeVisible();
  await chiyo.go('All channels');
  await other.getByRole('main').getByRole('button').filter({ hasText: old }).first().click();
  await expect(other.getByRole('article').filter({ hasText: 'from Slack' }).last()).toBeVisible({ timeout: 20_000 });
  await chiyo.clean('old channel');
});
