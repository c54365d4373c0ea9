import type { Dependencies } from "../../ports/dependencies.ts";
import type { TaskTokens } from "../../ports/keyring.ts";
import type { TaskRecord } from "../record.ts";

/** The parts that a task token uses. */
export type TokenParts = Pick<Dependencies, "settings"> & { readonly keyring: TaskTokens };

/** The credentials by which another program finishes the present attempt. */
export interface Handover {
  /** For `Authorization: Bearer` on `POST /v1/tasks/{id}/progress | heartbeat | complete | fail`. */
  readonly token: string;
  /** The same right as an address: any JSON posted there becomes the result. */
  readonly completionUrl: string;
}

/** The token of a record's run and attempt, and its completion URL; both hold until the task's deadline. */
export async function handover(
  { keyring, settings }: TokenParts,
  { project, id, run, attempt, deadlineAt }: TaskRecord,
): Promise<Handover> {
  const token = await keyring.issueTaskToken({ project, task: id, run, attempt, expiresAt: deadlineAt });
  return { token, completionUrl: `${settings.publicUrl}/v1/complete/${token}` };
}
