/** The ports of the programs of an example, by name. */
export type Ports<Names extends string = string> = Readonly<Record<Names, number>>;

/** A program of an example that runs next to the gateway. */
export interface ExampleProgram {
  /** Its file in the example's folder. */
  readonly file: string;
  readonly env: Readonly<Record<string, string>>;
  /** It prints this when it can be used. */
  readonly ready: RegExp;
}

/** The address and the key of the gateway that the example runs on. */
export interface RunningGateway {
  readonly url: string;
  readonly key: string;
}

/** How to try an example with one command. */
export interface Example<Names extends string = string> {
  /** Programs that must be on the PATH, each with the package that has it. */
  readonly needs?: Readonly<Record<string, string>>;
  /** The usual ports of its programs. One that is taken is replaced by a free one. */
  readonly ports: Ports<Names>;
  /** The programs that start before the gateway. `folder` is theirs, and is erased at the end. */
  programs(ports: Ports<Names>, folder: string): readonly ExampleProgram[];
  /** The programs that need the gateway. */
  clients?(ports: Ports<Names>, folder: string, gateway: RunningGateway): readonly ExampleProgram[];
  /** The variables that its entry reads. */
  variables(ports: Ports<Names>): Readonly<Record<string, string>>;
  /** Commands to try, which use $URL and $KEY. */
  commands(ports: Ports<Names>): readonly string[];
}

/** Keeps the names of an example's ports in its type. */
export function example<const Names extends string>(one: Example<Names>): Example<Names> {
  return one;
}

/** The command that submits a task. */
export function submit(task: unknown, prefer = ""): string {
  const header = prefer === "" ? "" : ` -H 'Prefer: ${prefer}'`;
  const body = JSON.stringify(task).replaceAll("'", "'\\''");
  return `curl -s $URL/v1/tasks -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json'${header} \\
  -d '${body}'`;
}
