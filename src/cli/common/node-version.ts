import process from "node:process";
import { UsageError } from "./failure.ts";

/** The oldest Node that has what the commands use. The rest of the package asks for less. */
const OLDEST = 22;

/** @throws UsageError on an older Node, which would stop somewhere in the middle with an error that says nothing */
export function checkNode(): void {
  if (Number.parseInt(process.versions.node, 10) >= OLDEST) return;
  throw new UsageError(`the command ringback needs Node ${OLDEST} or newer; this is ${process.version}`);
}
