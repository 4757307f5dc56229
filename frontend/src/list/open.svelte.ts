// What hangs open over a list: one thing at a time, by the element that opened it.

/** Hanging is what is open and where. */
export type Hanging =
  | { what: 'who-has'; id: string; anchor: HTMLElement }
  | { what: 'emoji'; id: string; anchor: HTMLElement; pick: (emoji: string) => void }
  | { what: 'menu'; id: string; anchor: HTMLElement };

class Open {
  now = $state.raw<Hanging | undefined>();

  whoHas(id: string, anchor: HTMLElement): void {
    this.now = { what: 'who-has', id, anchor };
  }

  emoji(id: string, anchor: HTMLElement, pick: (emoji: string) => void): void {
    this.now = { what: 'emoji', id, anchor, pick };
  }

  menu(id: string, anchor: HTMLElement): void {
    this.now = { what: 'menu', id, anchor };
  }

  close(): void {
    this.now = undefined;
  }
}

export const paneOf = new Open();
