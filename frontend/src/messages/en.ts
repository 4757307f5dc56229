import { chat } from './en.chat';
import { people } from './en.people';
import { start } from './en.start';

/** en holds every word that the window says. Another language is an object that satisfies Messages. */
export const en = {
  app: 'Hallway',
  ok: 'OK',
  cancel: 'Cancel',
  close: 'Close',
  back: 'Back',
  retry: 'Retry',
  undo: 'Undo',
  copy: 'Copy',
  copied: 'Copied',
  save: 'Save',
  today: 'Today',
  yesterday: 'yesterday',
  yesterdayCap: 'Yesterday',
  now: 'now',
  you: 'you',
  never: 'never',
  loading: 'One moment…',
  tryAgain: 'Try again',
  skip: 'Skip to messages',
  ...start,
  ...chat,
  ...people,
};

export type Messages = typeof en;
