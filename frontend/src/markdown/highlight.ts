import type { HLJSApi } from 'highlight.js';

/** Span is a stretch of code and the class of its colour. */
export interface Span {
  text: string;
  scope: string;
}

let loading: Promise<HLJSApi> | undefined;

async function load(): Promise<HLJSApi> {
  const { hljs } = await import('./languages');
  return hljs;
}

interface TreeNode {
  scope?: string;
  children: (TreeNode | string)[];
}

function flatten(node: TreeNode | string, scope: string, out: Span[]): void {
  if (typeof node === 'string') {
    out.push({ text: node, scope });
    return;
  }
  const own = (node.scope ?? scope).split('.')[0]!;
  for (const c of node.children) flatten(c, own, out);
}

/** highlight colours code, once its language is loaded; undefined where the language is not known. */
export async function highlight(text: string, lang: string): Promise<Span[] | undefined> {
  if (text.length > 20_000) return undefined;
  loading ??= load();
  const hljs = await loading;
  if (!lang || !hljs.getLanguage(lang)) return undefined;
  // The emitter holds the tree that the library would otherwise print as HTML.
  const result = hljs.highlight(text, { language: lang, ignoreIllegals: true }) as unknown as { _emitter: { rootNode: TreeNode } };
  const out: Span[] = [];
  flatten(result._emitter.rootNode, '', out);
  return out;
}
