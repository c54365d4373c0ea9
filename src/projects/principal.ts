/**
 * The acting party, with its proof. Each function names the principals that it serves; the store's adapter translates
 * them for the scripts in one exhaustive switch.
 */
export type Principal = ApiKey | Admin | ProjectAdmin | AppUser | TaskTokenBearer | SignedLink | System;

/**
 * The bearer of an API key. The key's MAC has been verified; Redis decides whether the key exists and what it allows.
 */
export interface ApiKey {
  readonly kind: "api-key";
  readonly project: string;
  /** Hex of the key's UUID. */
  readonly key: string;
  /** Hex SHA-256 of the key's secret. */
  readonly hash: string;
  /** It acts through the console. */
  readonly via?: "console";
}

/** The bearer of the deployment's admin token. */
export interface Admin {
  readonly kind: "admin";
}

/**
 * The bearer of the admin token, who acts in one project with every scope. Redis decides whether the project exists.
 */
export interface ProjectAdmin {
  readonly kind: "project-admin";
  readonly project: string;
  /** It acts through the console. */
  readonly via?: "console";
}

/**
 * A user of the app that the gateway is a part of, as that app's `authenticate` named them. The scopes never include
 * `secrets:*`, and `admin` does not either. Redis decides whether the project exists.
 */
export interface AppUser {
  readonly kind: "app-user";
  readonly project: string;
  readonly scopes: readonly string[];
  /** Names them in timelines. */
  readonly name?: string;
  readonly via?: never;
}

/** The principals that act for a project from outside. */
export type Client = ApiKey | ProjectAdmin | AppUser;

/** Claims of a task token: it authorizes its bearer to finish one attempt of one run. */
export interface TaskToken {
  readonly project: string;
  readonly task: string;
  readonly run: number;
  readonly attempt: number;
  /** The task's deadline, milliseconds, rounded up to a second. */
  readonly expiresAt: number;
}

/**
 * The bearer of a task token. Its claims have been verified; Redis decides whether the attempt is still the present
 * one.
 */
export interface TaskTokenBearer extends TaskToken {
  readonly kind: "task-token";
}

/** The bearer of a signed link, which opens one task for reading until it expires. */
export interface SignedLink {
  readonly kind: "signed-link";
  readonly project: string;
  readonly task: string;
}

/** The gateway itself, acting for one project. */
export interface System {
  readonly kind: "system";
  readonly project: string;
}

/** The principals that may read one task. */
export type TaskReader = Client | SignedLink | System;

/** The gateway as a principal of one project. */
export function system(project: string): System {
  return { kind: "system", project };
}
