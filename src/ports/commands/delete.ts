import type { Denied } from "../../projects/caller.ts";
import type { Client } from "../../projects/principal.ts";
import type { TaskRecord } from "../../tasks/record.ts";

export interface DeleteCommand {
  readonly caller: Client;
  readonly record: TaskRecord;
}

export type DeleteAnswer =
  | Denied
  | { readonly kind: "erased" | "pending" }
  | { readonly kind: "missing"; readonly now: number }
  | { readonly kind: "changed"; readonly record: TaskRecord };
