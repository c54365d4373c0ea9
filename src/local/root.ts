import { resolve } from "node:path";

/** The top of the project. */
export const root: string = resolve(import.meta.dirname, "../..");
