import { en, type Messages } from './en';

/** t is the dictionary of the language that the window speaks. */
export const t: Messages = en;
