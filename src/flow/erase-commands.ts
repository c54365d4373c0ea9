import type { DeliveryRecord, TaskRecord } from "../domain/record.ts";
import type { Caller, Denied } from "./caller.ts";

export interface EraseCommand {
  readonly caller: Caller;
  /** Those of its deliveries that are dead letters. */
  readonly dead: readonly DeliveryRecord[];
  readonly record: TaskRecord;
}

export type EraseAnswer =
  | Denied
  | { readonly kind: "erased" | "pending" }
  | { readonly kind: "missing"; readonly now: number }
  | { readonly kind: "changed"; readonly record: TaskRecord };
