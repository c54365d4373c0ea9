import type { TaskRecord } from "../tasks/record.ts";
import type { Caller, Denied } from "../projects/caller.ts";

export interface EraseCommand {
  readonly caller: Caller;
  readonly record: TaskRecord;
}

export type EraseAnswer =
  | Denied
  | { readonly kind: "erased" | "pending" }
  | { readonly kind: "missing"; readonly now: number }
  | { readonly kind: "changed"; readonly record: TaskRecord };
