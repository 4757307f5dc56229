import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from '@playwright/test';
import { channel, expect, frames, test } from './help';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

async function violations(page: Page): Promise<string[]> {
  await frames(page, 2);
  // The engine comes by the debugger, which the policy of the page does not bind.
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const engine = (window as unknown as { axe: { run: (o: object) => Promise<{ violations: { id: string; help: string; nodes: { target: string[]; failureSummary: string }[] }[] }> } }).axe;
    const r = await engine.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] });
    return r.violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(' ')}: ${n.failureSummary}`));
  });
}

const go = (page: Page, action: string) => async () => {
  await page.keyboard.press('Control+K');
  await page.getByRole('combobox', { name: /Go to a channel/ }).fill(action);
  await page.keyboard.press('Enter');
};

type Screen = [name: string, query: string, reach: (page: Page) => Promise<void>];
const screens: Screen[] = [
  ['a channel', '', (p) => channel(p, 'release')],
  ['a row with its actions', '', async (p) => { await channel(p, 'release'); await p.getByRole('article').last().focus(); await expect(p.getByRole('group', { name: 'Message actions' })).toBeVisible(); }],
  ['a channel with notices', '', (p) => channel(p, 'board')],
  ['a thread', '', async (p) => { await channel(p, 'release'); await p.getByRole('button', { name: /4 replies/ }).click(); await expect(p.getByText('Ready from my side')).toBeVisible(); }],
  ['completeness', '', async (p) => { await p.getByRole('button', { name: /^Up to/ }).click(); await expect(p.getByRole('dialog')).toBeVisible(); }],
  ['who has this', '', async (p) => { await p.getByRole('button', { name: /Who has this/ }).last().click(); await expect(p.getByText('not read yet')).toBeVisible(); }],
  ['emoji', '', async (p) => { await p.getByRole('button', { name: 'Emoji', exact: true }).click(); await expect(p.getByRole('button', { name: 'party popper' }).first()).toBeVisible(); }],
  ['completions', '', async (p) => { await p.getByRole('textbox', { name: 'Message #general' }).pressSequentially('@a'); await expect(p.getByRole('listbox')).toBeVisible(); await p.keyboard.press('ArrowDown'); }],
  ['search', '', async (p) => { await p.keyboard.press('Control+Shift+F'); await p.getByRole('searchbox').fill('timer'); await expect(p.getByText('3 results.')).toBeVisible(); }],
  ['the switcher', '', async (p) => { await p.keyboard.press('Control+K'); await expect(p.getByRole('combobox')).toBeFocused(); }],
  ['all keys', '', async (p) => go(p, 'all keys')()],
  ['unread', '', async (p) => { await p.getByRole('button', { name: /^Unread/ }).click(); await expect(p.getByRole('heading', { name: '#support' })).toBeVisible(); }],
  ['threads', '', async (p) => { await p.getByRole('button', { name: 'Threads' }).click(); await expect(p.getByRole('heading', { name: 'Threads' })).toBeVisible(); }],
  ['members', '', async (p) => { await go(p, 'members')(); await p.getByRole('button', { name: /Emil/ }).last().click(); await expect(p.getByText('Build machine')).toBeVisible(); }],
  ['invites', '', async (p) => { await go(p, 'members')(); await p.getByRole('tab', { name: 'Invites' }).click(); await expect(p.getByText('open until')).toBeVisible(); }],
  ['requests', '', async (p) => { await go(p, 'members')(); await p.getByRole('tab', { name: /Requests/ }).click(); await expect(p.getByText('cobalt')).toBeVisible(); }],
  ['the log', '', async (p) => { await go(p, 'members')(); await p.getByRole('tab', { name: 'Log' }).click(); await expect(p.getByText('started the workspace')).toBeVisible(); }],
  ['an invitation', '', async (p) => { await go(p, 'invite people')(); await p.getByRole('button', { name: 'Make the invite' }).click(); await expect(p.getByRole('img', { name: 'The invite as a code' })).toBeVisible(); }],
  ['a new channel', '', async (p) => { await p.getByRole('button', { name: 'Add a channel' }).click(); await p.getByLabel('Private').check(); }],
  ['the network', '', async (p) => { await p.getByRole('button', { name: /On the office network/ }).click(); await expect(p.getByText('18,412 of 18,412')).toBeVisible(); }],
  ['preferences', '', async (p) => { await p.keyboard.press('Control+,'); await expect(p.getByLabel('Your name')).toHaveValue('Farah Aziz'); }],
  ['all channels', '', async (p) => go(p, 'all channels')()],
  ['offline', 'offline=1', (p) => channel(p, 'release')],
  ['start', 'start=empty', async (p) => expect(p.getByRole('button', { name: /Join with/ })).toBeVisible()],
  ['join', 'start=empty', async (p) => { await p.getByRole('button', { name: /Join with/ }).click(); await p.getByLabel(/Invite link/).fill('hallway:x'); await expect(p.getByText('cobalt')).toBeVisible(); }],
  ['create', 'start=empty', async (p) => { await p.getByRole('button', { name: /Start a/ }).click(); await p.getByLabel('Under a passphrase').check(); }],
  ['recovery', 'start=empty', async (p) => { await p.getByRole('button', { name: /Start a/ }).click(); await p.getByLabel('Name of the workspace').fill('H'); await p.getByLabel('Your name').fill('F'); await p.getByRole('button', { name: 'Start the workspace' }).click(); await expect(p.getByText('velvet')).toBeVisible(); }],
  ['locked', 'start=locked', async (p) => expect(p.getByLabel('Passphrase')).toBeVisible()],
];

for (const theme of ['light', 'dark']) {
  for (const [name, query, reach] of screens) {
    test(`${name}, ${theme}: axe finds nothing`, async ({ open, page }) => {
      await open(`theme=${theme}&${query}`);
      await reach(page);
      await page.evaluate(() => Promise.all(document.getAnimations().map((a) => a.finished.catch(() => undefined))));
      expect(await violations(page)).toEqual([]);
    });
  }
}

test('380 px wide: nothing scrolls sideways, the sidebar is a sheet', async ({ open, page }) => {
  await page.setViewportSize({ width: 380, height: 800 });
  await open('theme=dark');
  await page.getByRole('button', { name: 'Open sidebar' }).click();
  expect(await violations(page)).toEqual([]);
  await channel(page, 'release');
  await frames(page);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(380);
  expect(await page.evaluate(() => { const s = document.querySelector('section.list')!; return s.scrollWidth - s.clientWidth; })).toBe(0);
  expect(await violations(page)).toEqual([]);
});

test('320 px wide with text at 150 %: still usable', async ({ open, page }) => {
  await page.setViewportSize({ width: 320, height: 700 });
  await open();
  await page.evaluate(() => (document.documentElement.style.fontSize = '150%'));
  await page.getByRole('button', { name: 'Open sidebar' }).click();
  await channel(page, 'release');
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
  await expect(page.getByRole('textbox', { name: 'Message #release' })).toBeInViewport();
});
