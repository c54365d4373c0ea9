import type { Answer, CallOptions, Connection, Query } from "./connection.ts";

/** A page of a list. */
interface Page<Item> {
  readonly data: readonly Item[];
  readonly nextCursor: string | null;
}

/** The items of a list, page after page; a page is read when its first item is asked for. */
export async function* items<Item>(
  connection: Connection,
  path: string,
  query: Query,
  { signal }: CallOptions,
): AsyncGenerator<Item, void, void> {
  let cursor: string | null | undefined;
  do {
    const call = { query: { ...query, ...(cursor && { cursor }) }, signal };
    const { body }: Answer<Page<Item>> = await connection.send("GET", path, call);
    yield* body.data;
    cursor = body.nextCursor;
  } while (cursor);
}
