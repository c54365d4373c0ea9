import type { BatchStore } from "../../ports/stores/batch-store.ts";
import { denied } from "../../projects/denied.ts";
import type { Client } from "../../projects/principal.ts";
import { ApiError } from "../../shared/problems.ts";
import type { BatchRecord } from "./record.ts";

/** Reads a batch. @throws ApiError */
export async function getBatch(
  { store }: { readonly store: Pick<BatchStore, "readBatch"> },
  caller: Client,
  id: string,
): Promise<BatchRecord> {
  const found = await store.readBatch(caller, id);
  if (found.kind === "found") return found.record;
  if (found.kind !== "missing") throw denied(found, "tasks:read");
  throw new ApiError("not-found", `There is no batch "${id}" in this project.`);
}
