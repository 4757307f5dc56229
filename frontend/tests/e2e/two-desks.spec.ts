import { expect, test } from '@playwright/test';
import { Desk } from './desk';

// One story over two real nodes, told in order: each step stands on the one before.
test.describe.configure({ mode: 'serial' });

let ada: Desk;
let bram: Desk;
let invite = '';

test.beforeAll(async ({ browser }) => {
  [ada, bram] = await Promise.all([Desk.sit(browser, 'Ada Njoku'), Desk.sit(browser, 'Bram Visser')]);
});

test.afterEach(() => {
  ada?.sound();
  bram?.sound();
});

test.afterAll(async () => {
  await Promise.all([ada?.leave(), bram?.leave()]);
});

test('Ada starts a workspace and gets her recovery sheet', async () => {
  const { page } = ada;
  await expect(page.getByRole('button', { name: /^Join with an invite/ })).toBeVisible();
  await ada.clean('start');
  await page.getByRole('button', { name: /^Start a workspace/ }).click();
  await page.getByRole('textbox', { name: 'Name of the workspace' }).fill('Harbour Studio');
  await page.getByRole('textbox', { name: 'Your name' }).fill('Ada Njoku');
  await page.getByRole('textbox', { name: 'This computer’s name' }).fill('Ada’s desk');
  await ada.clean('create');
  await page.getByRole('button', { name: 'Start the workspace' }).click();
  await expect(page.getByRole('heading', { name: 'Keep your recovery sheet' })).toBeVisible();
  await expect(page.getByRole('list', { name: 'Your 24 words' }).getByRole('listitem')).toHaveCount(24);
  await ada.clean('recovery');
  const saving = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save as text' }).click();
  expect((await saving).suggestedFilename()).toBe('hallway-recovery.txt');
  await page.getByRole('button', { name: 'I have kept it, go to #general' }).click();
  await expect(page.getByRole('heading', { name: 'general', exact: true })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Recovery sheet not saved' })).toHaveCount(0);
  await expect(ada.sidebar.getByRole('button', { name: /^Nobody else is here yet/ })).toBeVisible();
  await ada.clean('alone');
});

test('Ada writes before anybody is there, and makes an invitation', async () => {
  const { page } = ada;
  await ada.say('#general', 'The harbour pilot wants the drawings by **Thursday**.');
  await page.getByRole('button', { name: 'Harbour Studio, menu' }).click();
  await page.getByRole('menuitem', { name: 'Invite people' }).click();
  await ada.clean('invite');
  await page.getByRole('button', { name: 'Make the invite' }).click();
  await expect(page.getByRole('img', { name: 'The invite as a code' })).toBeVisible();
  invite = await page.getByRole('textbox', { name: 'Invite link' }).inputValue();
  expect(invite).toMatch(/^hallway:/);
  await ada.clean('invite made');
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).last().click();
  await expect(page.getByRole('dialog')).toHaveCount(0);
});

test('Bram is told that a broken link is one, and joins by the good one', async () => {
  const { page } = bram;
  await page.getByRole('button', { name: /^Join with an invite/ }).click();
  const field = page.getByRole('textbox', { name: 'Invite link or pasted text' });
  bram.expectFault(/the server responded with a status of 4\d\d .*PreviewInvite/);
  await field.fill('come in, the door is open');
  await expect(page.getByRole('alert')).toBeVisible();
  await field.fill(`Hi Bram, here it is: ${invite}`);
  await expect(page.getByText('Harbour Studio')).toBeVisible();
  await bram.clean('join');
  await page.getByRole('button', { name: /^(They match|Next)$/ }).click();
  await page.getByRole('textbox', { name: 'Your name' }).fill('Bram Visser');
  await page.getByRole('textbox', { name: 'This computer’s name' }).fill('Bram’s laptop');
  await bram.clean('join as');
  await page.getByRole('button', { name: 'Join', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'Keep your recovery sheet' })).toBeVisible({ timeout: 20_000 });
  await expect(page.getByRole('list', { name: 'Your 24 words' }).getByRole('listitem')).toHaveCount(24);
  await bram.clean('recovery');
  await page.getByRole('button', { name: 'I will do this later' }).click();
  await expect(page.getByRole('heading', { name: 'general', exact: true })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Recovery sheet not saved' })).toBeVisible();
});

test('both read what was written before, talk both ways, and see each other', async () => {
  await expect(bram.row('#general', 'The harbour pilot wants the drawings by Thursday.')).toBeVisible();
  await expect(bram.row('#general', 'The harbour pilot').locator('strong')).toHaveText('Thursday');
  await expect(bram.entry('Ada Njoku')).toHaveAccessibleName(/reachable/);
  await expect(ada.entry('Bram Visser')).toHaveAccessibleName(/, reachable|Visser ?reachable/);
  for (const d of [ada, bram]) await expect(d.talk('#general').getByText('Bram Visser was added by Ada Njoku')).toBeVisible();
  await expect(ada.page.getByRole('button', { name: /^Up to .* from 1 of 1 people/ })).toBeVisible();
  await bram.say('#general', 'I can have them on Wednesday, `hull.dxf` is nearly done.');
  await expect(ada.row('#general', 'I can have them on Wednesday')).toBeVisible();
  await ada.say('#general', 'Wonderful, thank you.');
  await expect(bram.row('#general', 'Wonderful, thank you.')).toBeVisible();
  await expect(ada.row('#general', 'Wonderful, thank you.').getByRole('button', { name: /^(Seen by 1|On 1 of 1 devices)/ })).toBeVisible();
  await ada.clean('general');
  await bram.clean('general');
});

test('a reply in a thread reaches the other desk', async () => {
  const row = bram.row('#general', 'The harbour pilot');
  await row.hover();
  await row.getByRole('button', { name: 'Reply in thread' }).click();
  const box = bram.page.getByRole('textbox', { name: 'Reply in this thread' });
  await box.fill('Which scale does he want?');
  await box.press('Enter');
  await expect(bram.thread.getByRole('article').filter({ hasText: 'Which scale' })).toBeVisible();
  const line = ada.row('#general', 'The harbour pilot').getByRole('button', { name: /^1 reply/ });
  await line.click();
  await expect(ada.thread.getByText('Which scale does he want?')).toBeVisible();
  await ada.page.getByRole('textbox', { name: 'Reply in this thread' }).fill('One to fifty, and the chart beside it.');
  await ada.page.getByRole('checkbox', { name: 'Also send to #general' }).check();
  await ada.page.getByRole('textbox', { name: 'Reply in this thread' }).press('Enter');
  await expect(bram.thread.getByText('One to fifty, and the chart beside it.')).toBeVisible();
  await expect(bram.row('#general', 'One to fifty, and the chart beside it.')).toBeVisible();
  // Whether a reply still counts as new depends on which of the two pages has the focus just then.
  for (const d of [ada, bram]) await expect(d.row('#general', 'The harbour pilot').getByRole('button', { name: /^2 replies/ })).toBeVisible();
  await ada.clean('thread');
  await bram.clean('thread');
  for (const d of [ada, bram]) {
    await d.thread.getByRole('button', { name: 'Close' }).click();
    await expect(d.thread).toHaveCount(0);
  }
});

test('a reaction, an edit and a deletion reach the other desk', async () => {
  const { page } = bram;
  const row = bram.row('#general', 'Wonderful, thank you.');
  await row.hover();
  await row.getByRole('group', { name: 'Message actions' }).getByRole('button', { name: 'Add reaction' }).click();
  await page.getByRole('textbox', { name: 'Find an emoji' }).fill('sailboat');
  await expect(page.getByRole('dialog', { name: 'Choose an emoji' }).getByRole('button', { name: 'sailboat' })).toBeVisible();
  await bram.clean('emoji');
  await page.getByRole('textbox', { name: 'Find an emoji' }).press('Enter');
  await expect(row.getByRole('button', { name: /^⛵.* by Bram Visser/ })).toHaveAttribute('aria-pressed', 'true');
  const there = ada.row('#general', 'Wonderful, thank you.').getByRole('button', { name: /^⛵.* by Bram Visser/ });
  await expect(there).toHaveAttribute('aria-pressed', 'false');
  await there.click();
  await expect(row.getByRole('button', { name: /^⛵.* by (Ada Njoku and Bram Visser|Bram Visser and Ada Njoku)/ })).toBeVisible();

  await bram.menu(bram.row('#general', 'I can have them on Wednesday'), 'Edit');
  const edit = page.getByRole('textbox', { name: 'Edit message' });
  await edit.fill('I can have them on Tuesday, `hull.dxf` is done.');
  await edit.press('Enter');
  await expect(bram.row('#general', 'I can have them on Tuesday').getByText('(edited)')).toBeVisible();
  await expect(ada.row('#general', 'I can have them on Tuesday').getByText('(edited)')).toBeVisible();
  await expect(ada.row('#general', 'on Wednesday')).toHaveCount(0);

  await bram.say('#general', 'Wrong window, sorry');
  await expect(ada.row('#general', 'Wrong window, sorry')).toBeVisible();
  await bram.menu(bram.row('#general', 'Wrong window, sorry'), 'Delete');
  await bram.clean('delete');
  await page.getByRole('dialog', { name: 'Delete this message?' }).getByRole('button', { name: 'Delete', exact: true }).click();
  await expect(bram.row('#general', 'This message was deleted')).toBeVisible();
  await expect(ada.row('#general', 'This message was deleted')).toBeVisible();
  await expect(ada.page.getByText('Wrong window, sorry')).toHaveCount(0);
  await ada.clean('reactions');
});

test('a direct message makes an unread mark, and reading it takes the mark away', async () => {
  await bram.page.getByRole('button', { name: 'Write to somebody' }).click();
  await bram.page.getByRole('textbox', { name: 'Find a person' }).fill('Ada');
  await bram.page.getByRole('dialog').getByRole('button', { name: /^(A\S* )?Ada Njoku/ }).click();
  await bram.clean('write to');
  await bram.page.getByRole('button', { name: 'Open conversation' }).click();
  await bram.say('Ada Njoku', 'Between us: the pilot is late himself.');
  const entry = ada.entry('Bram Visser');
  await expect(entry).toHaveAccessibleName(/1 unread message/);
  await expect(ada.sidebar.getByRole('button', { name: /^Unread\b.*1 unread message/ })).toBeVisible();
  await ada.sidebar.getByRole('button', { name: /^Unread\b/ }).click();
  await expect(ada.page.getByText('Between us: the pilot is late himself.')).toBeVisible();
  await ada.clean('unread');
  await ada.open('Bram Visser');
  await expect(ada.row('Bram Visser', 'Between us: the pilot is late himself.')).toBeVisible();
  await expect(entry).not.toHaveAccessibleName(/unread/);
  await ada.say('Bram Visser', 'I will not tell.');
  await expect(bram.row('Ada Njoku', 'I will not tell.')).toBeVisible();
  await ada.clean('direct');
});

test('a private channel is there for those in it alone, and its key comes with being added', async () => {
  const { page } = ada;
  await page.getByRole('button', { name: 'Add a channel' }).click();
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('board');
  await page.getByRole('textbox', { name: 'Topic (may be empty)' }).fill('Money and people');
  await page.getByRole('checkbox', { name: /^Private/ }).check();
  await ada.clean('new channel');
  await page.getByRole('button', { name: 'Make the channel' }).click();
  await expect(page.getByRole('heading', { name: 'board', exact: true })).toBeVisible();
  await ada.say('#board', 'Only I can read this so far.');
  await ada.say('#board', 'Bram should be in here.');
  await expect(bram.entry('board')).toHaveCount(0);
  await page.getByRole('button', { name: 'More', exact: true }).last().click();
  await page.getByRole('menuitem', { name: 'Add people' }).click();
  await page.getByRole('textbox', { name: 'Find a person' }).fill('Bram');
  await page.getByRole('dialog').getByRole('button', { name: /Bram Visser/ }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Add people', exact: true }).click();
  await expect(bram.entry('board')).toBeVisible();
  await ada.say('#board', 'Welcome to the board, Bram.');
  await bram.open('board');
  await expect(bram.row('#board', 'Welcome to the board, Bram.')).toBeVisible();
  await bram.say('#board', 'Thank you. Small room.');
  await expect(ada.row('#board', 'Thank you. Small room.')).toBeVisible();
  await expect(bram.page.getByText('Money and people')).toBeVisible();
  await ada.clean('board');
  await bram.clean('board');
});

test('a file goes over and comes out the same', async () => {
  await ada.open('general');
  await bram.open('general');
  const body = Buffer.from(Array.from({ length: 700_000 }, (_, i) => (i * 31 + (i >> 8)) & 255));
  await bram.page.getByRole('main').locator('input[type=file]').setInputFiles({ name: 'hull ü.dxf', mimeType: 'application/octet-stream', buffer: body });
  await expect(bram.page.getByRole('button', { name: 'Remove hull ü.dxf' })).toBeVisible();
  await bram.say('#general', 'Here is the hull.');
  const link = ada.row('#general', 'Here is the hull.').getByRole('link', { name: /hull ü\.dxf/ });
  await expect(link).toBeVisible();
  const coming = ada.page.waitForEvent('download');
  await link.click();
  const got = await coming;
  expect(got.suggestedFilename()).toBe('hull ü.dxf');
  const chunks: Buffer[] = [];
  for await (const c of await got.createReadStream()) chunks.push(c as Buffer);
  expect(Buffer.concat(chunks).equals(body)).toBe(true);

  const picture = await bram.page.screenshot({ clip: { x: 0, y: 0, width: 300, height: 200 } });
  await bram.page.getByRole('main').locator('input[type=file]').setInputFiles({ name: 'plan.png', mimeType: 'image/png', buffer: picture });
  await expect(bram.page.getByRole('button', { name: 'Remove plan.png' })).toBeVisible();
  await bram.page.getByRole('button', { name: 'Send', exact: true }).click();
  const shown = ada.talk('#general').getByRole('img', { name: 'plan.png' });
  await expect(shown).toBeVisible();
  await expect.poll(() => shown.evaluate((i: HTMLImageElement) => i.naturalWidth)).toBe(300);
  await ada.clean('files');
  await bram.clean('files');
});

test('search finds on each desk what was said, with its filters', async () => {
  const { page } = ada;
  await page.keyboard.press('Control+Shift+F');
  const box = page.getByRole('searchbox', { name: 'Search messages' });
  await box.fill('drawing');
  await expect(page.getByRole('status').filter({ hasText: '1 result.' })).toBeVisible();
  await ada.clean('search');
  await box.fill('in:#board small');
  const hit = page.getByRole('button', { name: /Bram Visser.*Thank you\. Small room\./ });
  await hit.click();
  await expect(page.getByRole('heading', { name: 'board', exact: true, level: 1 })).toBeVisible();
  await expect(ada.row('#board', 'Thank you. Small room.')).toBeInViewport();
  await box.fill('sorry');
  await expect(page.getByText('Nothing here says “sorry”.')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(box).toHaveCount(0);
});

test('a mention is counted apart, and unread is what was not seen', async () => {
  await ada.open('board');
  await bram.open('general');
  const box = bram.page.getByRole('textbox', { name: 'Message #general' });
  await box.pressSequentially('@Ad');
  await expect(bram.page.getByRole('option', { name: /Ada Njoku/ })).toBeVisible();
  await bram.clean('completions');
  await box.press('Tab');
  await box.pressSequentially('could you look at the bow?');
  await box.press('Enter');
  await expect(ada.entry('general')).toHaveAccessibleName(/1 unread message, 1 mention/);
  await ada.sidebar.getByRole('button', { name: /^Mentions/ }).click();
  await expect(ada.page.getByText('could you look at the bow?')).toBeVisible();
  await ada.clean('mentions');
  await ada.sidebar.getByRole('button', { name: /^Threads/ }).click();
  await expect(ada.page.getByText('The harbour pilot wants')).toBeVisible();
  await ada.clean('threads');
  await ada.open('general');
  await expect(ada.row('#general', 'could you look at the bow?')).toBeInViewport();
  await expect(ada.entry('general')).not.toHaveAccessibleName(/unread/);
});

test('a reload keeps the session and the place', async () => {
  await ada.open('board');
  await expect(ada.row('#board', 'Thank you. Small room.')).toBeVisible();
  await ada.page.getByRole('textbox', { name: 'Message #board' }).fill('half a thought');
  await ada.page.reload();
  await expect(ada.page.getByRole('heading', { name: 'board', exact: true, level: 1 })).toBeVisible();
  await expect(ada.row('#board', 'Thank you. Small room.')).toBeVisible();
  await expect(ada.page.getByRole('textbox', { name: 'Message #board' })).toHaveValue('half a thought');
  await ada.page.getByRole('textbox', { name: 'Message #board' }).fill('');
  await bram.say('#general', 'Still there?');
  await expect(ada.entry('general')).toHaveAccessibleName(/1 unread message/);
});

test('members, invitations, the log, the network and the preferences show what is', async () => {
  const { page } = ada;
  await ada.go('Members and roles');
  await expect(page.getByRole('tab', { name: 'People 2' })).toBeVisible();
  await page.getByRole('tabpanel').getByRole('button', { name: /Bram Visser/ }).click();
  await expect(page.getByText('Bram’s laptop')).toBeVisible();
  await ada.clean('members');
  await page.getByRole('tab', { name: 'Invites' }).click();
  await expect(page.getByText('used up')).toBeVisible();
  await ada.clean('invites');
  await page.getByRole('tab', { name: 'Log' }).click();
  await expect(page.getByText('started the workspace')).toBeVisible();
  await expect(page.getByRole('row', { name: /Ada Njoku made a channel #board/ })).toBeVisible();
  await expect(page.getByRole('row', { name: /Bram Visser began a direct message Bram Visser/ })).toBeVisible();
  await ada.clean('log');
  await ada.go('Network');
  await expect(page.getByRole('row', { name: /Bram Visser.*Bram’s laptop/ })).toBeVisible();
  await ada.clean('network');
  await ada.go('All channels');
  await ada.clean('browse');
  await ada.go('Preferences');
  await expect(page.getByRole('textbox', { name: 'Your name' })).toHaveValue('Ada Njoku');
  await ada.clean('preferences');
});

test('the dark theme is kept, and nothing in it is hard to read', async () => {
  const { page } = ada;
  await page.getByRole('radio', { name: 'Dark' }).check({ force: true });
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
  await ada.clean('preferences dark');
  await page.reload();
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
  await ada.open('general');
  await expect(ada.row('#general', 'Still there?')).toBeVisible();
  await ada.clean('general dark');
  await ada.row('#general', 'The harbour pilot').getByRole('button', { name: /^2 replies/ }).click();
  await expect(ada.thread.getByText('Which scale does he want?')).toBeVisible();
  await ada.clean('thread dark');
  await page.keyboard.press('Control+Shift+F');
  await page.getByRole('searchbox', { name: 'Search messages' }).fill('hull');
  await expect(page.getByRole('status').filter({ hasText: /\d results?\./ })).toBeVisible();
  await ada.clean('search dark');
  await page.keyboard.press('Escape');
  await ada.go('Members and roles');
  await expect(page.getByRole('row', { name: /Bram Visser/ })).toBeVisible();
  await ada.clean('members dark');
  await ada.go('Network');
  await expect(page.getByRole('row', { name: /Bram Visser.*Bram’s laptop/ })).toBeVisible();
  await ada.clean('network dark');
  await ada.open('general');
  await page.keyboard.press('Control+k');
  await ada.clean('switcher dark');
  await page.keyboard.press('Escape');
});

test('alone, what is written waits and is shown so; when the other is back it goes out', async () => {
  await bram.node.stop();
  await expect(ada.sidebar.getByRole('button', { name: /^Alone, offline/ })).toBeVisible({ timeout: 20_000 });
  await ada.open('general');
  await ada.say('#general', 'Written while you were away.');
  await expect(ada.row('#general', 'Written while you were away.')).toBeInViewport();
  await expect(ada.row('#general', 'Written while you were away.').getByRole('button', { name: /^Waiting to send/ })).toBeVisible();
  await expect(ada.page.getByRole('button', { name: 'Send later, when somebody is reachable' })).toBeVisible();
  await ada.clean('offline dark');
  bram.expectFault(/ERR_CONNECTION_REFUSED|WebSocket connection to/);
  await bram.node.start();
  await bram.page.goto(bram.node.web);
  await expect(bram.page.getByRole('heading', { name: 'general', exact: true, level: 1 })).toBeVisible();
  await expect(bram.row('#general', 'Written while you were away.')).toBeVisible({ timeout: 20_000 });
  await expect(ada.sidebar.getByRole('button', { name: /^(On the office network|Connected directly)/ })).toBeVisible();
});
