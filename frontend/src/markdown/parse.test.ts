import { describe, expect, it } from 'vitest';
import { emojiOnly, parse, type Node } from './parse';
import { highlight } from './highlight';
import { trace } from './trace';

const known = { mentions: [{ text: '@Farah', member: 'f', you: true }, { text: '@Farah Aziz', member: 'fa' }, { text: '@channel' }], channels: new Set(['release', 'büro']) };
const inline = (text: string): Node[] => {
  const p = parse(text, known)[0]!;
  return 'children' in p ? p.children : [p];
};

describe('a message becomes nodes', () => {
  it('of plain text, with its lines', () => {
    expect(inline('one\ntwo')).toEqual([{ type: 'text', text: 'one' }, { type: 'break' }, { type: 'text', text: 'two' }]);
  });
  it('of weight, code and links', () => {
    expect(inline('**a** `b` https://x.example/c')).toMatchObject([{ type: 'strong' }, { type: 'text' }, { type: 'code', text: 'b' }, { type: 'text' }, { type: 'link', href: 'https://x.example/c' }]);
  });
  it('of code blocks, with their language', () => {
    expect(parse('```go\nx := 1\n```', known)).toEqual([{ type: 'block', text: 'x := 1', lang: 'go' }]);
  });
  it('of lists and quotes', () => {
    expect(parse('3. a\n4. b\n\n> c', known)).toMatchObject([{ type: 'list', ordered: true, start: 3, children: [{ type: 'item' }, { type: 'item' }] }, { type: 'quote' }]);
  });
  it('never of HTML', () => {
    expect(inline('<img src=x onerror=alert(1)>')).toEqual([{ type: 'text', text: '<img src=x onerror=alert(1)>' }]);
    expect(JSON.stringify(parse('<script>alert(1)</script>', known))).not.toContain('"html');
  });
  it('never of a link that runs or of a picture from elsewhere', () => {
    expect(JSON.stringify(inline('[x](javascript:alert(1))'))).not.toContain('"link"');
    expect(JSON.stringify(inline('[x](data:text/html,hi)'))).not.toContain('"link"');
    expect(JSON.stringify(inline('![x](https://x.example/p.png)'))).not.toContain('"image"');
  });
});

describe('names in a text', () => {
  it('the longest first', () => {
    expect(inline('hi @Farah Aziz and @Farah!')).toMatchObject([{ text: 'hi ' }, { type: 'mention', member: 'fa' }, { text: ' and ' }, { type: 'mention', member: 'f', you: true }, { text: '!' }]);
  });
  it('not inside a longer word', () => {
    expect(inline('@Farahs')).toEqual([{ type: 'text', text: '@Farahs' }]);
  });
  it('channels that there are', () => {
    expect(inline('see #release, #Büro, #nothing, a#release')).toMatchObject([{ text: 'see ' }, { type: 'channel', name: 'release' }, { text: ', ' }, { type: 'channel', name: 'Büro' }, { text: ', #nothing, a#release' }]);
  });
  it('not in code', () => {
    expect(inline('`@Farah #release`')).toEqual([{ type: 'code', text: '@Farah #release' }]);
  });
});

it('knows a message of emoji alone', () => {
  expect(emojiOnly('🎉')).toBe(true);
  expect(emojiOnly('👩‍🚀 👍🏽 🇵🇹')).toBe(true);
  expect(emojiOnly('7')).toBe(false);
  expect(emojiOnly('🎉 ok')).toBe(false);
});

it('colours a stack trace', () => {
  const lines = trace('java.lang.IllegalStateException: gone\n    at java.base/java.util.Timer.schedule(Timer.java:249)\n    at our.Watcher.arm(Watcher.java:88)')!;
  expect(lines[0]![0]!.tone).toBe('bad');
  expect(lines[1]!.map((p) => p.tone)).toEqual(['', '', '', 'faint', '']);
  expect(lines[2]![1]).toEqual({ text: 'Watcher.arm', tone: 'name' });
  expect(trace('just text')).toBeUndefined();
});

it('colours code without a letter lost', async () => {
  const code = 'func main() {\n\t// <b>&amp;\n\tfmt.Println("hi")\n}';
  const spans = (await highlight(code, 'go'))!;
  expect(spans.map((s) => s.text).join('')).toBe(code);
  expect(spans.some((s) => s.scope === 'keyword' && s.text === 'func')).toBe(true);
  expect(await highlight(code, 'nonsense')).toBeUndefined();
});
