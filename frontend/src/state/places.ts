/** Page is what fills the middle of the window. */
export type Page =
  | { page: 'channel'; channel: string }
  | { page: 'unread' | 'threads' | 'mentions' | 'network' | 'preferences' | 'sheet' | 'browse' }
  | { page: 'members'; tab: 'people' | 'invites' | 'requests' | 'log' }
  | { page: 'join' };

/** Pane is what stands beside it. */
export type Pane =
  | { pane: 'thread'; root: string; channel: string }
  | { pane: 'search'; query: string }
  | { pane: 'person'; member: string }
  | { pane: 'pins'; channel: string }
  | { pane: 'channel-people'; channel: string };

/** Layer is what lies over everything; one at a time. */
export type Layer =
  | { layer: 'switcher' }
  | { layer: 'keys' }
  | { layer: 'new-channel' }
  | { layer: 'new-direct' }
  | { layer: 'add-people'; channel: string }
  | { layer: 'topic'; channel: string }
  | { layer: 'invite' }
  | { layer: 'picture'; id: string; name: string }
  | { layer: 'ask'; title: string; says: string; action: string; run: () => void };

/** Toast is one line at the foot that goes by itself. */
export interface Toast {
  id: number;
  text: string;
  action?: { label: string; run: () => void };
}
