import type { Message } from '../../src/api.gen';
import { members, say } from './people';

const lines = ['Yes.', 'The build is green again, thank you.', 'Could somebody look at the second page of the report? The figures of March do not add up, and I cannot find the sheet that they came from.',
  'I will be a little late tomorrow.', 'See `config.go`, line 40.', 'Done!', '```go\nfunc main() {\n\tfmt.Println("hello")\n}\n```', 'Who has the key of the meeting room on the third floor? We have guests at two.', '👍', 'That is what I thought as well, but the log says something else: the timer fires twice when the laptop wakes up, and only then.'];

/** bulk makes a long channel: n messages, three minutes apart, the last one an hour before the talk. */
export function bulk(n: number): Message[] {
  const people = members.filter((m) => !m.you);
  const end = Date.parse('2026-11-19T12:00:00Z');
  const out: Message[] = [];
  for (let i = 0; i < n; i++) out.push(say('big', people[(i * 7 + (i >> 2)) % people.length]!.id, new Date(end - (n - i) * 180_000).toISOString(), `${i}: ${lines[(i * 13 + (i >> 3)) % lines.length]}`));
  return out;
}
