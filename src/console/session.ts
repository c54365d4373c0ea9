import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Api } from "./api/request.ts";
import type { Session } from "./api/types.ts";

/** The signed-in party, the project that it looks at, and its requests. */
export interface Operator {
  readonly session: Session;
  readonly api: Api;
  /** The project's id; undefined: the admin looks at all of them. */
  readonly project: string | undefined;
  /** Projects' names by id, as far as they are known. */
  readonly names: ReadonlyMap<string, string>;
  readonly pick: (project: string | undefined) => void;
  readonly reloadProjects: () => void;
  /** Whether the scopes allow it; the API decides in the end. */
  readonly can: (scope: string) => boolean;
}

export const OperatorContext = createContext<Operator | undefined>(undefined);

export function useOperator(): Operator {
  const operator = useContext(OperatorContext);
  if (!operator) throw new Error("Nobody is signed in.");
  return operator;
}

/** Why an action is not offered; undefined: it is. */
export function obstacleTo({ can, project, session }: Operator, scope: string): string | undefined {
  if (!can(scope)) return `This key lacks the scope ${scope}.`;
  if (session.kind === "admin" && project === undefined) return "Pick a project first.";
  return undefined;
}
