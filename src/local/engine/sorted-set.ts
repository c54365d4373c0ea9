export interface ScoredMember {
  readonly member: string;
  readonly score: number;
}

/** Members in order of score, then of bytes: an ordered array next to a map from member to score. */
export class SortedSet {
  readonly #scores = new Map<string, number>();
  readonly #ordered: ScoredMember[] = [];

  get size(): number {
    return this.#scores.size;
  }

  score(member: string): number | undefined {
    return this.#scores.get(member);
  }

  set(member: string, score: number): void {
    const before = this.#scores.get(member);
    if (before === score) return;
    if (before !== undefined) this.#ordered.splice(this.#position(before, member), 1);
    this.#ordered.splice(this.#position(score, member), 0, { member, score });
    this.#scores.set(member, score);
  }

  delete(member: string): boolean {
    const score = this.#scores.get(member);
    if (score === undefined) return false;
    this.#ordered.splice(this.#position(score, member), 1);
    return this.#scores.delete(member);
  }

  /** Its place in ascending order, or undefined. */
  rank(member: string): number | undefined {
    const score = this.#scores.get(member);
    return score === undefined ? undefined : this.#position(score, member);
  }

  /** Members in ascending order from one rank up to, not including, another. */
  slice(start: number, end: number): ScoredMember[] {
    return this.#ordered.slice(start, end);
  }

  /** How many members precede every member that the test accepts; it must hold from some rank on. */
  firstRank(holds: (entry: ScoredMember) => boolean): number {
    let low = 0;
    let high = this.#ordered.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const entry = this.#ordered[middle];
      if (entry && holds(entry)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #position(score: number, member: string): number {
    return this.firstRank(
      (entry) => entry.score > score || (entry.score === score && entry.member >= member),
    );
  }
}
