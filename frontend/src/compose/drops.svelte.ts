/** Drops lets files be dropped anywhere over the window; they go to the composer that asked last. */
class Drops {
  over = $state(false);
  private takers: { el: HTMLElement; take: (files: Iterable<File>) => void }[] = [];
  private depth = 0;

  take(el: HTMLElement, take: (files: Iterable<File>) => void): () => void {
    const taker = { el, take };
    this.takers.push(taker);
    return () => (this.takers = this.takers.filter((x) => x !== taker));
  }

  /** start listens on the window. A drop that nobody takes must still not leave the page. */
  start(): () => void {
    const files = (e: DragEvent) => !!e.dataTransfer?.types.includes('Files');
    const enter = (e: DragEvent) => {
      if (!files(e)) return;
      this.depth++;
      this.over = this.takers.length > 0;
    };
    const leave = () => {
      if (--this.depth <= 0) this.clear();
    };
    const move = (e: DragEvent) => e.preventDefault();
    const drop = (e: DragEvent) => {
      e.preventDefault();
      this.clear();
      const got = e.dataTransfer?.files;
      const inside = this.takers.find((x) => x.el.closest('[data-drop]')?.contains(e.target as Node));
      if (got && got.length > 0) (inside ?? this.takers[0])?.take(got);
    };
    window.addEventListener('dragenter', enter);
    window.addEventListener('dragleave', leave);
    window.addEventListener('dragover', move);
    window.addEventListener('drop', drop);
    return () => {
      window.removeEventListener('dragenter', enter);
      window.removeEventListener('dragleave', leave);
      window.removeEventListener('dragover', move);
      window.removeEventListener('drop', drop);
    };
  }

  private clear(): void {
    this.depth = 0;
    this.over = false;
  }
}

export const drops = new Drops();
