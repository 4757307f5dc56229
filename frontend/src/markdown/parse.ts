import MarkdownIt, { type Token } from 'markdown-it';
import type { Mention } from '../api.gen';

/** Node is one piece of a message as it will be shown. No HTML text exists at any point. */
export type Node =
  | { type: 'text'; text: string }
  | { type: 'break' }
  | { type: 'code'; text: string }
  | { type: 'block'; text: string; lang: string }
  | { type: 'link'; href: string; children: Node[] }
  | { type: 'mention'; text: string; member: string; you: boolean }
  | { type: 'channel'; name: string }
  | { type: 'rule' }
  | { type: 'item'; children: Node[] }
  | { type: 'list'; ordered: boolean; start: number; children: Node[] }
  | { type: 'cell'; head: boolean; children: Node[] }
  | { type: 'p' | 'strong' | 'em' | 'del' | 'quote' | 'heading' | 'table' | 'row'; children: Node[] };

/** Known is what names in a text can refer to. */
export interface Known {
  mentions: Mention[];
  /** channels holds the lower-case names of channels that can be opened. */
  channels: ReadonlySet<string>;
}

const md = new MarkdownIt({ html: false, linkify: true, breaks: true, typographer: false });
// Pictures in a text would fetch from the network, and tell its owner who reads.
md.disable(['image', 'html_block', 'html_inline']);
md.linkify.set({ fuzzyEmail: false });

const safe = /^(https?:|mailto:|tel:)/i;

/** parse answers the nodes of a message's text. */
export function parse(text: string, known: Known): Node[] {
  const names = splitter(known);
  return blocks(md.parse(text, {}), names);
}

type Split = (text: string) => Node[];

interface Frame {
  close: string;
  children: Node[];
  wrap: (children: Node[]) => Node | undefined;
}

/** blocks folds the flat list of tokens into a tree; inline tokens have the same shape. */
function blocks(tokens: Token[], names: Split): Node[] {
  const root: Frame = { close: '', children: [], wrap: () => undefined };
  const stack: Frame[] = [root];
  const top = () => stack[stack.length - 1]!;
  for (const t of tokens) {
    if (t.nesting === 1) {
      stack.push({ close: t.type.replace('_open', '_close'), children: [], wrap: wrapper(t) });
    } else if (t.nesting === -1) {
      const frame = stack.length > 1 ? stack.pop()! : root;
      const node = frame.wrap(frame.children);
      if (node) top().children.push(node);
      else if (frame !== root) top().children.push(...frame.children);
    } else {
      top().children.push(...leaf(t, names));
    }
  }
  return root.children;
}

function wrapper(t: Token): (children: Node[]) => Node | undefined {
  switch (t.type) {
    case 'paragraph_open':
      return (children) => ({ type: 'p', children });
    case 'strong_open':
      return (children) => ({ type: 'strong', children });
    case 'em_open':
      return (children) => ({ type: 'em', children });
    case 's_open':
      return (children) => ({ type: 'del', children });
    case 'blockquote_open':
      return (children) => ({ type: 'quote', children });
    case 'heading_open':
      return (children) => ({ type: 'heading', children });
    case 'bullet_list_open':
      return (children) => ({ type: 'list', ordered: false, start: 1, children });
    case 'ordered_list_open':
      return (children) => ({ type: 'list', ordered: true, start: Number(t.attrGet('start') ?? 1), children });
    case 'list_item_open':
      return (children) => ({ type: 'item', children });
    case 'table_open':
      return (children) => ({ type: 'table', children });
    case 'tr_open':
      return (children) => ({ type: 'row', children });
    case 'th_open':
    case 'td_open':
      return (children) => ({ type: 'cell', head: t.type === 'th_open', children });
    case 'link_open': {
      const href = String(t.attrGet('href') ?? '');
      return (children) => (safe.test(href) ? { type: 'link', href, children } : undefined);
    }
  }
  return () => undefined;
}

function leaf(t: Token, names: Split): Node[] {
  switch (t.type) {
    case 'inline':
      return blocks(t.children ?? [], names);
    case 'text':
      return t.content ? names(t.content) : [];
    case 'code_inline':
      return [{ type: 'code', text: t.content }];
    case 'fence':
    case 'code_block':
      return [{ type: 'block', text: t.content.replace(/\n$/, ''), lang: t.info.trim().split(/\s+/)[0] ?? '' }];
    case 'softbreak':
    case 'hardbreak':
      return [{ type: 'break' }];
    case 'hr':
      return [{ type: 'rule' }];
  }
  return t.content ? [{ type: 'text', text: t.content }] : [];
}

/** splitter answers a function that finds the names of people and channels in plain text. */
function splitter(known: Known): Split {
  const mentions = new Map(known.mentions.map((m) => [m.text, m]));
  const longest = [...mentions.keys()].sort((a, b) => b.length - a.length).map((s) => s.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const people = longest.length > 0 ? `(${longest.join('|')})(?![\\p{L}\\p{N}_])|` : '';
  const find = new RegExp(`${people}(?<![\\p{L}\\p{N}_/&#])#([\\p{L}\\p{N}_-]+)`, 'gu');
  return (text) => {
    const out: Node[] = [];
    let from = 0;
    for (const m of text.matchAll(find)) {
      const person = mentions.get(m[0]);
      const channel = m[m.length - 1];
      if (!person && !(channel && known.channels.has(channel.toLowerCase()))) continue;
      if (m.index > from) out.push({ type: 'text', text: text.slice(from, m.index) });
      if (person) out.push({ type: 'mention', text: m[0], member: person.member ?? '', you: person.you ?? false });
      else out.push({ type: 'channel', name: channel! });
      from = m.index + m[0].length;
    }
    if (from < text.length) out.push({ type: 'text', text: text.slice(from) });
    return out;
  };
}

/** emojiOnly says that a text is one to six emoji and nothing else, which are then shown large. */
export function emojiOnly(text: string): boolean {
  return /^(?:(?:\p{Extended_Pictographic}|\p{Regional_Indicator}{2})(?:\ufe0f|\p{Emoji_Modifier}|\u200d\p{Extended_Pictographic})*\s*){1,6}$/u.test(text);
}
