/** Emoji is one entry of the picker. */
export interface Emoji {
  char: string;
  name: string;
  codes: string[];
  tags: string[];
  group: number;
}

let loading: Promise<Emoji[]> | undefined;

/** emojis loads the list when it is first wanted; it is not part of what a page loads at first. */
export function emojis(): Promise<Emoji[]> {
  loading ??= Promise.all([import('emojibase-data/en/compact.json'), import('emojibase-data/en/shortcodes/github.json')]).then(([data, codes]) => {
    const names = codes.default as Record<string, string | string[]>;
    return (data.default as { unicode: string; label: string; hexcode: string; tags?: string[]; group?: number; order?: number }[])
      // Entries without a group are parts of others: regional letters, skin tones.
      .filter((e) => e.group !== undefined && e.group !== 2)
      .sort((a, b) => (a.order ?? 0) - (b.order ?? 0))
      .map((e) => ({ char: e.unicode.length === 3 && /^\p{Emoji_Presentation}/u.test(e.unicode) ? e.unicode.replace('\ufe0f', '') : e.unicode, name: e.label, codes: [names[e.hexcode] ?? []].flat(), tags: e.tags ?? [], group: e.group! }));
  });
  return loading;
}

/** often is what most people use most, before the person's own come first. */
export const often = ['👍', '🎉', '❤️', '😂', '🙏', '👀', '✅', '🚀'];

/** findEmoji answers those that a query names, the best first. */
export function findEmoji(all: Emoji[], query: string, limit: number): Emoji[] {
  const q = query.toLowerCase().trim();
  const scored: { e: Emoji; s: number }[] = [];
  for (const e of all) {
    const code = e.codes.reduce((s, c) => Math.max(s, c === q ? 5 : c.startsWith(q) ? 4 : c.includes(q) ? 2 : 0), 0);
    const name = e.name.startsWith(q) ? 3 : e.name.includes(q) ? 1.5 : 0;
    const tag = e.tags.some((x) => x.startsWith(q)) ? 1 : 0;
    const s = Math.max(code, name, tag);
    if (s > 0) scored.push({ e, s });
  }
  return scored.sort((a, b) => b.s - a.s || (a.e.codes[0]?.length ?? 99) - (b.e.codes[0]?.length ?? 99)).slice(0, limit).map((x) => x.e);
}
