import type { Message } from '../../src/api.gen';
import { at, person, say } from './people';

const trace = '```\njava.lang.IllegalStateException: Timer already cancelled.\n    at java.base/java.util.Timer.schedule(Timer.java:249)\n    at studio.harbour.importer.Watcher.arm(Watcher.java:88)\n```';

/** talk is what was said in Harbour Studio. */
export function talk(): Message[] {
  const root = say('release', 'chiyo', '14:05', 'Start-up picture for 4.2. Release notes are in the thread, a second pair of eyes please @Farah', {
    mentions: [{ text: '@Farah', member: 'farah', you: true }], replies: 4,
    files: [{ id: 'harbour', name: 'harbour.png', size: 48_000, type: 'image/png', width: 448, height: 252, have: 48_000, people: 4 }],
    summary: { replies: 4, last_at: at('14:08'), people: [person('bram'), person('ada'), person('farah')], unread: 0 },
  });
  const reply = (who: string, clock: string, text: string, more: Partial<Message> = {}) => say('release', who, clock, text, { thread: root.id, ...more });
  return [
    say('release', 'ada', '13:31', 'Version 4.2 is **frozen**. Only fixes now:\n\n1. the importer\n2. the start-up picture\n\n> Ship on Thursday, or on Monday. Not on Friday.'),
    say('release', 'bram', '13:40', 'The build machine is free. Docs are at https://docs.harbour.example/4.2, talk in #java'),
    say('release', 'emil', '13:52', `Has anyone seen this? The importer dies after a second run, on the 4.2 build only.\n${trace}`),
    say('release', 'bram', '13:57', 'Signed the Windows build on the train, the checksum matches Emil’s: `9f3c…e1b7`', { late: true }),
    say('release', 'ada', '14:03', 'The office line is down, the provider says until four. We all see each other on the office network, so please carry on. The release does not need the internet, only the announcement does.', {
      reactions: [{ emoji: '👍', people: [person('farah'), person('bram'), person('emil'), person('chiyo')], mine: true }, { emoji: '⛵', people: [person('bram'), person('noor')], mine: false }],
    }),
    root,
    say('release', 'farah', '14:09', 'Read them, the migration part is clear now. Two typos fixed.', { state: 'sent', on: 4, of: 5 }),
    say('release', 'farah', '14:10', '@Emil that is `arm()` after `close()`. 4.1.3 had the guard, see the fix.', { state: 'sent', on: 1, of: 5, mentions: [{ text: '@Emil', member: 'emil' }] }),
    say('release', 'farah', '14:11', 'Tagging 4.2 at 14:30, shout if you need longer.', { state: 'waiting', on: 0, of: 5 }),
    reply('chiyo', '14:05', '**4.2** imports Slack and Teams history in one run, resumes after a crash, and opens channels twice as fast.'),
    reply('bram', '14:06', '“In one run” reads as if you need both. “Slack or Teams, or both”?', { reactions: [{ emoji: '👌', people: [person('chiyo'), person('farah')], mine: true }] }),
    reply('ada', '14:07', 'And say that old links keep working. Support will be asked on day one.'),
    reply('farah', '14:08', 'Changed both. Ready from my side.', { state: 'sent', on: 4, of: 5 }),
    ...general(), ...board(), ...java(),
    say('support', 'noor', '13:20', '@Farah a customer asks whether the importer keeps times', { mentions: [{ text: '@Farah', member: 'farah', you: true }] }),
    say('design', 'chiyo', '11:02', 'New badges attached'), say('lunch', 'emil', '10:40', '🍕'),
  ];
}

function general(): Message[] {
  return [
    say('general', 'ada', '2026-11-18T09:00:00Z', 'Badges change next week.'),
    say('general', 'ada', '13:20', 'Friday lunch is on the quay if the wind stays away. Bram brings the table, who brings bread?', { reactions: [{ emoji: '🍲', people: [person('bram')], mine: false }] }),
    say('general', 'chiyo', '13:38', 'The new badges are at the front desk. Old ones stop working on Monday.'),
    say('general', 'emil', '13:46', 'Whoever borrowed the label printer: the build room misses it.'),
    say('general', 'ada', '14:03', 'The office line is down, the provider says until four. Everything inside the house works as always.'),
    say('general', 'farah', '14:06', 'I keep a list on the kitchen board of what has to go out at four.', { state: 'sent', on: 39, of: 58 }),
    say('general', 'bram', '14:08', 'Added: the 4.2 announcement and two invoices.'),
  ];
}

function board(): Message[] {
  const sys = (kind: Message['kind'], clock: string, more: Partial<Message>) => say('board', 'ada', clock, '', { kind, ...more });
  return [
    say('board', 'noor', '2026-11-18T16:10:00Z', 'The Porto lease is signed, three years. The scan comes tomorrow, the notary kept the paper.'),
    sys('key_renewed', '11:20', { actor: person('ada'), target: person('jonas') }),
    say('board', 'ada', '11:24', 'Jonas leaves us for the university, with our thanks. His work on the importer goes to Emil.'),
    sys('gap', '11:40', { count: 12, target: person('noor') }),
    sys('missing_key', '13:59', { author: 'Noor Haddad', author_id: 'noor', target: person('ada') }),
    sys('new_device', '14:01', { actor: person('bram'), value: 'Bram’s desktop' }),
    say('board', 'bram', '14:06', 'Writing from the new machine. Shall we meet at 15:00 on the second floor?', { about: true }),
    say('board', 'farah', '14:09', '15:00 is fine. I bring the figures on paper.', { state: 'held', failure: 'Held for Bram’s desktop until verified', of: 5 }),
  ];
}

function java(): Message[] {
  return [
    say('java', 'emil', '11:02', 'Same on 17, so it is not the JDK: `IllegalStateException: Timer already cancelled.`'),
    say('java', 'ada', '11:36', 'Found it. `close()` cancels the timer, the file event comes a moment later and calls `arm()`:\n```java\nvoid arm() {\n  if (closed) return;   // the guard\n  timer.schedule(flush, DELAY);\n}\n```\nGoes out with 4.1.3 tonight.'),
    say('java', 'bram', '11:52', 'I put the trace and the answer on the wiki page for the importer.', { source: 'slack' }),
  ];
}
