import type { Channel, Member, Message } from '../../src/api.gen';

// The office of the design's pictures: Harbour Studio, Thursday 19 November 2026, its internet line down.
export const today = '2026-11-19T';
export const at = (clock: string) => new Date(`${today}${clock}:00+01:00`).toISOString();

const names: [string, string, Member['role'], number, boolean, boolean][] = [
  ['Ada Njoku', 'Head of studio', 'owner', 2, true, true],
  ['Andrea Costa', 'Design', 'member', 1, false, false],
  ['Bram Visser', 'Build', 'admin', 2, true, true],
  ['Chiyo Tanaka', 'Design', 'member', 1, true, true],
  ['Emil Sørensen', 'Engineering', 'member', 2, false, true],
  ['Farah Aziz', 'Engineering', 'admin', 1, true, true],
  ['Jonas Weber', 'Sales', 'member', 1, true, false],
  ['Noor Haddad', 'Porto', 'member', 2, true, false],
];

export const members: Member[] = names.map(([name, title, role, devices, verified, online]) => ({
  id: name.split(' ')[0]!.toLowerCase(), name, title, role, devices, verified, online, last_seen: at(online ? '14:10' : '13:52'),
  ...(name === 'Farah Aziz' ? { you: true } : {}), ...(name === 'Bram Visser' ? { new_device: true } : {}),
}));

export const me = 'farah';

export function channel(id: string, more: Partial<Channel> = {}): Channel {
  return { id, name: id, kind: 'public', private: false, members: 8, joined: true, archived: false, unread: 0, mentions: 0, may_manage: true, may_write: true, ...more };
}

export const channels = (): Channel[] => [
  channel('board', { kind: 'private', private: true, topic: 'Only verified people and devices', members: 4 }),
  channel('design', { topic: 'Screens, type, colour' }),
  channel('general', { topic: 'Everything the whole studio should know' }),
  channel('java', { topic: 'Build and JVM' }),
  channel('lunch'),
  channel('press', { topic: 'Journalists and launch dates', joined: false }),
  channel('release', { topic: '4.2 goes out on Thursday', members: 5 }),
  channel('research', { topic: 'Interviews and notes', joined: false }),
  channel('support'),
];

let counter = 0;

/** say makes a message as the node would answer it. */
export function say(channelID: string, who: string, clock: string, text: string, more: Partial<Message> = {}): Message {
  const m = members.find((x) => x.id === who)!;
  const time = clock.includes('T') ? clock : at(clock);
  counter++;
  return {
    id: `m${counter}`, kind: 'message', channel: channelID, channel_name: channelID, order: `${Date.parse(time).toString(16).padStart(12, '0')}-${String(counter).padStart(8, '0')}`,
    author: m.name, author_id: who, mine: who === me, time, text, edited: false, deleted: false, pinned: false, replies: 0, reactions: [], files: [],
    state: 'delivered', late: false, ...more,
  };
}

export const person = (id: string) => ({ id, name: members.find((m) => m.id === id)!.name });
