import { expect, it } from 'vitest';
import { en } from './en';
import { list, n } from './plural';

it('counts as English does', () => {
  expect([0, 1, 2, 1200].map((k) => n(k, 'message', 'messages'))).toEqual(['0 messages', '1 message', '2 messages', '1,200 messages']);
  expect(list(['Ada', 'Bram', 'Chiyo'])).toBe('Ada, Bram and Chiyo');
  expect(list(['Ada'])).toBe('Ada');
});

it('says each of its words', () => {
  const walk = (value: unknown, path: string): void => {
    if (typeof value === 'string') expect(value, path).not.toBe('');
    else if (typeof value === 'object' && value) for (const [k, v] of Object.entries(value)) walk(v, `${path}.${k}`);
  };
  walk(en, 'en');
});

it('is honest about what is complete', () => {
  expect(en.completeShort('14:02', 41, 43)).toBe('Up to 14:02 from 41 of 43 people');
  expect(en.completeShort('', 0, 0)).toBe('Only you so far');
  expect(en.missingKnown(3)).toBe('3 messages');
  expect(en.unreadOf('general', 4, 1)).toBe('general, 4 unread messages, 1 mention');
});
