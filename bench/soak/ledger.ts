import { once } from "node:events";
import { createServer, type Server } from "node:http";

/** Of twenty tasks: one fails its first attempt, two start a second later, one makes a report, the others echo. */
const CYCLE = 20;

/** One callback in so many is refused the first time, so that the queue repeats it. */
const REFUSED_CALLBACK = 50;

/** How long a task is kept after its callback: what is kept at any moment is the rate times this. */
export const KEPT = 3_000;

/** A refused erasure is tried again after so many milliseconds. */
const ERASE_AGAIN = 2_000;

const CSV = `region,amount\n${Array.from({ length: 40 }, (_, n) => `${["north", "south", "east"][n % 3]},${n}`).join("\n")}\n`;

/** A task as its client knows it; times in milliseconds of this process's clock. */
export interface Task {
  readonly number: number;
  /** When it was to be submitted. */
  readonly due: number;
  id: string | undefined;
  /** The answer was an error of the server or never came: nobody can say whether there is a task. */
  isUnknown: boolean;
  /** How often its callback came. */
  calls: number;
  settledAt: number | undefined;
}

/** The task's body; its callback address identifies it at the receiver. */
export function bodyOf({ number }: Task, origin: string): string {
  const callbackUrl = `${origin}/${number}`;
  switch (number % CYCLE) {
    case 0:
      return JSON.stringify({ type: "diagnostics.flaky", input: { failures: 1 }, callbackUrl });
    case 1:
    case 2:
      return JSON.stringify({ type: "diagnostics.echo", input: { number }, delay: "1s", callbackUrl });
    case 3:
      return JSON.stringify({
        type: "report.generate",
        input: { csv: CSV, groupBy: "region", aggregate: { amount: "sum" } },
        callbackUrl,
      });
    default:
      return JSON.stringify({
        type: "diagnostics.echo",
        input: { number, note: "a small task" },
        callbackUrl,
      });
  }
}

/** Only the machine makes this one wait: it has no delay, no retry, no repeated callback. */
function isDirect({ number }: Task): boolean {
  return number % CYCLE > 2 && number % REFUSED_CALLBACK !== 4;
}

/** The clients' records: every accepted task is here until its callback has come and it was erased. */
export class Ledger {
  readonly origin: string;
  readonly #server: Server;
  readonly #tasks = new Map<number, Task>();
  #count = 0;
  #direct = 0;
  #waiting = 0;
  #timers = new Set<NodeJS.Timeout>();
  /** A task has settled `KEPT` ago. */
  onSettled: ((task: Task) => void) | undefined;
  /**
   * Called for every task's callback: the milliseconds since the task was due, and whether only the machine made it
   * wait.
   */
  onCallback: ((task: Task, took: number, isDirect: boolean) => void) | undefined;
  /** Callbacks that came once more after they had been taken. */
  repeated = 0;
  erasures = 0;
  /** Erasures that were refused, each time counted. */
  erasuresRefused = 0;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.origin = `http://127.0.0.1:${port}`;
    server.on("request", (request, response) => {
      request.resume();
      request.once("end", () => response.writeHead(this.#called(Number(request.url?.slice(1)))).end());
    });
  }

  static async start(): Promise<Ledger> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (typeof address !== "object" || !address) throw new Error("the receiver has no address");
    return new Ledger(server, address.port);
  }

  /** Direct tasks that were due and have not been called back: the system's backlog. */
  get backlog(): number {
    return this.#direct;
  }

  /** Accepted tasks whose callback has not come. */
  get waiting(): number {
    return this.#waiting;
  }

  open(due: number): Task {
    const task: Task = {
      number: ++this.#count,
      due,
      id: undefined,
      isUnknown: false,
      calls: 0,
      settledAt: undefined,
    };
    this.#tasks.set(task.number, task);
    if (isDirect(task)) this.#direct++;
    return task;
  }

  accepted(task: Task, id: string): void {
    task.id = id;
    if (task.settledAt === undefined) this.#waiting++;
    else this.#settle(task);
  }

  /** The task was refused; or, when `isUnknown`, it may be there all the same. */
  refused(task: Task, isUnknown: boolean): void {
    if (isDirect(task) && task.settledAt === undefined) this.#direct--;
    task.isUnknown = isUnknown;
    if (!isUnknown) this.#tasks.delete(task.number);
  }

  erased(task: Task): void {
    this.erasures++;
    this.#tasks.delete(task.number);
  }

  notErased(task: Task): void {
    this.erasuresRefused++;
    this.#later(() => this.onSettled?.(task), ERASE_AGAIN);
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  /** Takes a callback and says how it is answered. */
  #called(number: number): number {
    const task = this.#tasks.get(number);
    if (!task || task.settledAt !== undefined) {
      this.repeated++;
      return 204;
    }
    task.calls++;
    if (task.calls === 1 && number % REFUSED_CALLBACK === 4) return 500;
    task.settledAt = performance.now();
    if (task.id !== undefined) {
      this.#waiting--;
      this.#settle(task);
    }
    if (isDirect(task) && !task.isUnknown) this.#direct--;
    this.onCallback?.(task, task.settledAt - task.due, isDirect(task));
    return 204;
  }

  #settle(task: Task): void {
    this.#later(() => this.onSettled?.(task), KEPT);
  }

  #later(work: () => void, delay: number): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      work();
    }, delay);
    this.#timers.add(timer);
  }
}
