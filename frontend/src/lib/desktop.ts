// What a browser does by itself and the desktop's web view does not: open a link elsewhere, save a file, copy.

/** onClick takes links out of the window where this is the desktop's: a web page goes to the browser, a file to a place that the person chooses. */
export function onClick(e: MouseEvent): void {
  const runtime = window.runtime;
  const a = e.target instanceof Element ? e.target.closest('a') : null;
  if (!runtime || !a || e.defaultPrevented) return;
  if (a.dataset.file) {
    e.preventDefault();
    runtime.EventsEmit('core:save', a.download, a.dataset.file, a.dataset.workspace ?? '');
  } else if (/^(https?|mailto|tel):/i.test(a.href) && a.target === '_blank') {
    e.preventDefault();
    runtime.BrowserOpenURL(a.href);
  }
}

/** saveText lets the person keep a text as a file. */
export function saveText(name: string, text: string): void {
  if (window.runtime) {
    window.runtime.EventsEmit('core:save', name, text);
    return;
  }
  const url = URL.createObjectURL(new Blob([text], { type: 'text/plain' }));
  const a = document.createElement('a');
  a.href = url;
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** copyText puts a text on the clipboard. */
export async function copyText(text: string): Promise<void> {
  if (window.runtime) await window.runtime.ClipboardSetText(text);
  else await navigator.clipboard.writeText(text);
}

/** nonce is a name that nobody else makes. crypto.randomUUID is missing where the page's scheme is the window's own. */
export function nonce(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('');
}
