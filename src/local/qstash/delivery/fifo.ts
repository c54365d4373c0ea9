/** A queue that adds, takes and withdraws in constant time. An item is in it at most once. */
export class Fifo<T> {
  readonly #members = new Set<T>();
  #items: T[] = [];
  #head = 0;

  get size(): number {
    return this.#members.size;
  }

  push(item: T): void {
    this.#members.add(item);
    this.#items.push(item);
  }

  shift(): T | undefined {
    while (this.#head < this.#items.length) {
      const item = this.#items[this.#head++];
      // A withdrawn message is left in its place and skipped here.
      if (item !== undefined && this.#members.delete(item)) {
        this.#trim();
        return item;
      }
    }
    this.#trim();
    return undefined;
  }

  /** Withdraws `item`; false when it is not there. */
  remove(item: T): boolean {
    return this.#members.delete(item);
  }

  #trim(): void {
    if (this.#head < 1_024 && this.#head < this.#items.length) return;
    if (this.#head * 2 < this.#items.length) return;
    this.#items = this.#items.slice(this.#head);
    this.#head = 0;
  }
}
