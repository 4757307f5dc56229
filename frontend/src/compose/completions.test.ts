import { describe, expect, it } from 'vitest';
import { complete, inFence, sends, trigger } from './completions';
import { suggest } from './suggest';
import type { Channel, Member } from '../api.gen';

const at = (text: string) => trigger(text, text.length);
const key = (more: object = {}) => ({ key: 'Enter', shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, isComposing: false, keyCode: 13, ...more });

describe('what may be completed', () => {
  it('a name, a channel, an emoji', () => {
    expect(at('hi @ad')).toEqual({ sign: '@', query: 'ad', from: 3, to: 6 });
    expect(at('@')).toMatchObject({ sign: '@', query: '' });
    expect(at('(#rel')).toMatchObject({ sign: '#', query: 'rel' });
    expect(at('yes :thu')).toMatchObject({ sign: ':', query: 'thu' });
    expect(at('@Farah A')).toMatchObject({ sign: '@', query: 'Farah A' });
  });
  it('not a mail address, a time, a lone colon, or code', () => {
    expect(at('ada@example')).toBeUndefined();
    expect(at('at 14:02')).toBeUndefined();
    expect(at('that is: a')).toBeUndefined();
    expect(at(':a')).toBeUndefined();
    expect(at('`@ad')).toBeUndefined();
    expect(at('```\n@ad')).toBeUndefined();
  });
  it('in its place, with one space behind', () => {
    expect(complete('hi @ad there', { sign: '@', query: 'ad', from: 3, to: 6 }, '@Ada Njoku')).toEqual({ text: 'hi @Ada Njoku there', caret: 14 });
    expect(complete('@ad', { sign: '@', query: 'ad', from: 0, to: 3 }, '@Ada')).toEqual({ text: '@Ada ', caret: 5 });
  });
});

describe('Enter', () => {
  it('sends, and with Shift makes a line', () => {
    expect(sends(key(), 'hello')).toBe(true);
    expect(sends(key({ shiftKey: true }), 'hello')).toBe(false);
  });
  it('makes a line inside a fence, unless Ctrl is held', () => {
    expect(inFence('```go\nx')).toBe(true);
    expect(inFence('```go\nx\n```\n')).toBe(false);
    expect(sends(key(), '```go\nx')).toBe(false);
    expect(sends(key({ ctrlKey: true }), '```go\nx')).toBe(true);
  });
  it('does nothing while an input method composes', () => {
    expect(sends(key({ isComposing: true }), 'にほ')).toBe(false);
    expect(sends(key({ keyCode: 229 }), 'にほ')).toBe(false);
  });
});

it('suggests people by any part of a name, and never oneself', async () => {
  const member = (name: string, you = false): Member => ({ id: name, name, role: 'member', devices: 1, verified: false, online: false, ...(you ? { you } : {}) });
  const people = [member('Ada Njoku'), member('Andrea Costa'), member('Zoë Ångström'), member('Farah Aziz', true)];
  const names = async (q: string) => (await suggest({ sign: '@', query: q, from: 0, to: 0 }, people, [], 'all')).map((s) => s.insert);
  expect(await names('ang')).toEqual(['@Zoë Ångström']);
  expect((await names('a'))[0]).toMatch(/^@A/);
  expect(await names('far')).toEqual([]);
  expect(await names('chan')).toEqual(['@channel']);
});

it('suggests emoji by their short name', async () => {
  const found = await suggest({ sign: ':', query: 'tada', from: 0, to: 5 }, [], [] as Channel[], '');
  expect(found[0]).toMatchObject({ insert: '🎉', label: ':tada:' });
});
