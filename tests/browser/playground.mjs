// Drives the playground as a person would, in headless Chromium: by the names that a screen reader reads out.
//
//   node playground.mjs URL [FOLDER]      FOLDER gets the screenshots
//
// Ends with 0 if everything was seen, with 1 and the step's name if not.

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const [url, folder] = process.argv.slice(2);
const PATIENCE = 15_000;
const DESKTOP = { width: 1360, height: 1000 };
const PHONE = { width: 360, height: 780 };

let step = 'the beginning';
function begin(name) {
  step = name;
  console.log(`- ${name}`);
}

const profile = await mkdtemp(join(tmpdir(), 'playground-'));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  viewport: DESKTOP,
  colorScheme: 'light',
  reducedMotion: 'reduce',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});

try {
  const page = browser.pages()[0] ?? (await browser.newPage());
  page.setDefaultTimeout(PATIENCE);
  const troubles = [];
  page.on('pageerror', (error) => troubles.push(`error: ${error.message}`));
  page.on('console', (message) => message.type() === 'error' && troubles.push(`console: ${message.text()}`));
  page.on('request', (request) => new URL(request.url()).origin !== new URL(url).origin && troubles.push(`asked ${request.url()}`));

  const region = (name) => page.getByRole('region', { name, exact: true });
  const button = (name) => page.getByRole('button', { name, exact: true });
  const chat = (name) => page.getByRole('log', { name: `${name}’s chat` });
  const timeline = page.getByRole('list', { name: 'Timeline, the newest first' });
  const see = (where, text) => where.getByText(text, { exact: false }).first().waitFor();
  const health = (provider, words) => see(region(provider), words);

  // Sends a text and waits for the bubble that has it.
  async function send(to, text, sort = 'Text') {
    await page.getByLabel('To', { exact: true }).selectOption({ label: to });
    await page.getByLabel('Sort', { exact: true }).selectOption({ label: sort });
    await page.getByLabel('Text', { exact: true }).fill(text);
    await button('Send').click();
  }
  const bubble = (name, text) => chat(name).getByRole('listitem').filter({ hasText: text }).last();
  async function arrives(name, text, provider) {
    const found = bubble(name, text);
    await found.waitFor();
    assert.match(await found.innerText(), new RegExp(`By ${provider}`), `${text} came by another provider`);
  }
  // The entry of the last send, which must be told as a whole.
  async function told(...texts) {
    for (const text of texts) await see(timeline.getByRole('listitem').first(), text);
  }

  begin('the page opens');
  await page.goto(url);
  await see(page.getByRole('banner'), 'Live');
  assert.equal(await page.getByRole('heading', { level: 1 }).count(), 1);
  for (const name of ['Users', 'Your service', 'Providers', 'What happened', 'Ada', 'Bob', 'Meta']) {
    await region(name).waitFor();
  }

  begin('a user writes, and the bot answers');
  await page.getByLabel('Message from Ada').fill('Is my table ready?');
  await page.getByLabel('Message from Ada').press('Enter');
  await arrives('Ada', 'You wrote: Is my table ready?', 'Meta');
  await page.getByLabel('Message from Ada').fill('And here?');
  await page.getByLabel('The number Ada writes to').selectOption({ label: 'to Twilio’s number' });
  await button('Send as Ada').click();
  await arrives('Ada', 'You wrote: And here?', 'Twilio');
  await see(region('Ada'), '24 h window open: Meta, Twilio');

  begin('a message arrives by Meta');
  await page.waitForTimeout(3_500); // The conversation stays for a moment with the number that was written to.
  await send('Ada', 'It is ready');
  await arrives('Ada', 'It is ready', 'Meta');
  await told('Text to Ada', 'accepted it in', 'Sent by Meta.');

  begin('the next message arrives by Twilio while Meta is cut');
  await button('Cut: Meta').click();
  await see(region('Meta'), 'Cut: no connection');
  await send('Ada', 'By another way');
  await arrives('Ada', 'By another way', 'Twilio');
  await told('Text to Ada', 'it certainly does not have the message', 'Sent by Twilio, after 2 attempts.');
  assert.equal(await chat('Ada').getByText('By another way').count(), 1, 'it came more than once');
  // And so hears who does not see it.
  await page.locator('#news').filter({ hasText: 'Sent by Twilio, after 2 attempts.' }).waitFor({ state: 'attached' });

  begin('the circuit opens, and Meta is not asked any more');
  await send('Bob', 'You may not read this');
  await health('Meta', 'Circuit open');
  await send('Ada', 'Straight away');
  await arrives('Ada', 'Straight away', 'Twilio');
  await see(chat('Bob'), 'Hello Bob, your table is ready.');
  if (folder) {
    await page.screenshot({ path: join(folder, 'playground.png') });
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.screenshot({ path: join(folder, 'playground-dark.png') });
    await page.emulateMedia({ colorScheme: 'light' });
  }

  begin('Meta is restored, and messages go back');
  await button('Restore: Meta').click();
  let back = false;
  for (let number = 1; number <= 30 && !back; number += 1) {
    await send('Ada', `Trial ${number}`);
    const found = bubble('Ada', `Trial ${number}`);
    await found.waitFor();
    back = (await found.innerText()).includes('By Meta') && (await region('Meta').innerText()).includes('Well');
    await page.waitForTimeout(800);
  }
  assert.ok(back, 'Meta did not get its messages back');
  await send('Ada', 'Home again');
  await arrives('Ada', 'Home again', 'Meta');

  begin('the flag decides');
  await page.getByLabel('Only Twilio').check();
  await told('Somebody set the flag to only:twilio');
  await send('Ada', 'The flag says so');
  await arrives('Ada', 'The flag says so', 'Twilio');
  await page.getByLabel('As configured: Meta, then Twilio').check();
  await see(timeline, 'Somebody set the flag to auto');
  await page.waitForTimeout(3_500);
  await send('Ada', 'As before');
  await arrives('Ada', 'As before', 'Meta');

  begin('a list is sent, and a row is tapped');
  await send('Ada', 'When will you come?', 'List');
  await arrives('Ada', 'When will you come?', 'Meta');
  const row = bubble('Ada', 'When will you come?').getByRole('button', { name: '19:30' });
  await row.focus();
  await bubble('Ada', 'When will you come?').getByRole('img', { name: 'read' }).waitFor();
  assert.ok(await row.evaluate((element) => element === document.activeElement), 'the focus went away with a tick');
  await page.keyboard.press('Enter');
  await arrives('Ada', 'You wrote: 19:30', 'Meta');

  begin('a user who never wrote gets a template');
  await send('Bob', 'You may not read this');
  await told('Text to Bob', 'Sent by Meta');
  await see(chat('Bob'), 'Hello Bob, your table is ready.');
  assert.equal(await chat('Bob').getByText('You may not read this').count(), 0);

  begin('a lost answer is not repeated');
  await button('Lose the next answer: Meta').click();
  await see(region('Meta'), 'Loses the answer to one message');
  await send('Ada', 'Once and no more');
  await told('Text to Ada', 'it may have the message');
  await page.waitForTimeout(2_000);
  assert.equal(await chat('Ada').getByText('Once and no more').count(), 1);
  await see(region('Meta'), 'Nothing is wrong');

  begin('forged webhooks are refused');
  const refused = Number(await page.locator('#refused').innerText());
  for (const name of ['Forge a webhook of Meta’s', 'Forge one of Twilio’s']) await button(name).click();
  await page.waitForFunction((before) => Number(document.getElementById('refused').textContent) === before + 2, refused);
  await see(timeline, 'was refused with 401');
  assert.equal(await chat('Ada').getByText('Send all the money').count(), 0, 'a forged message looks like a real one');

  begin('every sort of message can be sent');
  await page.getByLabel('The number Ada writes to').selectOption({ label: 'to Meta’s number' });
  await page.getByLabel('Message from Ada').fill('Show me everything');
  await button('Send as Ada').click();
  await arrives('Ada', 'You wrote: Show me everything', 'Meta');
  const sorts = await page.getByLabel('Sort', { exact: true }).locator('option').allInnerTexts();
  assert.ok(sorts.length >= 12);
  for (const sort of sorts) {
    await send('Ada', `One ${sort}`, sort);
    await told(`${sort} to Ada`, 'Sent by Meta.');
  }
  await see(chat('Ada'), '👍');

  begin('the keyboard is enough');
  await page.locator('body').press('Tab');
  await page.evaluate(() => document.activeElement.blur());
  const reached = new Set();
  for (let presses = 0; presses < 90; presses += 1) {
    await page.keyboard.press('Tab');
    reached.add(await page.evaluate(() => {
      const focused = document.activeElement;
      const style = getComputedStyle(focused);
      const name = focused.getAttribute('aria-label') || focused.labels?.[0]?.textContent.trim() || focused.textContent.trim();
      return style.outlineStyle === 'none' ? `no outline: ${name}` : name;
    }));
  }
  for (const name of ['Message from Ada', 'Send as Bob', 'Send', 'Cut: Meta', 'Suspend: Twilio', 'Forge one of Twilio’s', 'Timeline, the newest first']) {
    assert.ok(reached.has(name), `Tab does not reach ${name}: ${[...reached].join(' | ')}`);
  }
  await button('Throttle: Twilio').focus();
  await page.keyboard.press('Enter');
  await see(region('Twilio'), 'Throttles every message');
  await button('Restore: Twilio').focus();
  await page.keyboard.press('Space');
  await see(region('Twilio'), 'Nothing is wrong');

  begin('nothing stands in the way of a screen reader, in light and dark');
  const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    // From outside of the page, whose own policy runs no foreign script.
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'best-practice'] }));
    const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target).join(', ')}`);
    assert.deepEqual(found, [], colorScheme);
  }
  await page.emulateMedia({ colorScheme: 'light' });

  begin('it fits on a phone');
  await page.setViewportSize(PHONE);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(wide <= 0, `the page is ${wide} px too wide`);
  await send('Ada', 'From a small screen');
  await arrives('Ada', 'From a small screen', 'Meta');
  if (folder) {
    await page.evaluate(() => window.scrollTo(0, 0));
    await page.screenshot({ path: join(folder, 'playground-phone.png') });
  }

  begin('the page comes back to where it was');
  await page.reload();
  await see(chat('Ada'), 'From a small screen');

  begin('nothing went wrong on the way');
  assert.deepEqual(troubles, []);
  console.log('all was seen');
} catch (error) {
  console.error(`failed at: ${step}\n${error.message}`);
  process.exitCode = 1;
} finally {
  await browser.close();
  await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}
