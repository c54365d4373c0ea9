// The package's public API: re-exports only.
// biome-ignore-all lint/performance/noBarrelFile: this is the package's entry
export { createRingback, type Deployment, type RingbackOptions } from "./app.ts";
export { type Config, ConfigError } from "./config/config.ts";
export type { Ringback } from "./gateway.ts";
export type { Authenticate, Authenticated } from "./http/access/app-user.ts";
export type { Assets } from "./http/routes/pages/static.ts";
export type { Background } from "./ports/background.ts";
export { ApiError, type ProblemCode, type ValidationError } from "./shared/problems.ts";
export type { SubmitOptions, SubmittedTask } from "./submit.ts";
export {
  type AnyTask,
  defineTask,
  parseDuration,
  parseRetryAfter,
  type Task,
  type TaskContext,
  type TaskDefinition,
  TaskError,
  type Waiting,
  wait,
} from "./task.ts";
