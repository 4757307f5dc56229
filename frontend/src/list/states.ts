import type { Message } from '../api.gen';
import { t } from '../messages/i18n';

/** Words is how far an own message has come, in words. */
export interface Words {
  text: string;
  icon: 'clock' | 'check' | 'checks' | 'eye' | 'shield' | 'alert';
  warm: boolean;
  /** always is false for what is shown only on the last own message, or on focus and hover. */
  always: boolean;
}

/** wordsOf answers undefined where there is nothing to say: others' messages, and where nobody else is. */
export function wordsOf(m: Message, people: number): Words | undefined {
  if (!m.mine || m.deleted || m.kind !== 'message' || m.source) return undefined;
  const of = m.of ?? 0;
  switch (m.state) {
    case 'failed':
      return { text: t.states.failed, icon: 'alert', warm: true, always: true };
    case 'held':
      return { text: m.failure || t.states.held, icon: 'shield', warm: true, always: true };
    case 'waiting':
      return people === 0 && of === 0 ? undefined : { text: t.states.waiting, icon: 'clock', warm: true, always: true };
  }
  if (m.seen_by) return { text: t.states.seen(m.seen_by), icon: 'eye', warm: false, always: false };
  const on = m.on ?? 0;
  if (of === 0) return people === 0 ? undefined : { text: t.states.sent, icon: 'check', warm: false, always: true };
  if (on > 1 || (on === of && of > 0)) return { text: t.states.on(on, of), icon: 'checks', warm: false, always: false };
  return { text: t.states.sent, icon: 'check', warm: false, always: true };
}
