import * as z from "zod/mini";

/* What shapes are made of. */

export function as<Shape extends z.ZodMiniType>(shape: Shape, description: string, example?: unknown): Shape {
  return shape.check(z.meta({ description, ...(example !== undefined && { examples: [example] }) }));
}

export const id = (prefix: string) =>
  z.string().check(z.regex(new RegExp(`^${prefix}_[0-7][0-9a-hjkmnp-tv-z]{25}$`)));
export const count = z.int().check(z.minimum(0));
export const positive = z.int().check(z.minimum(1));
export const time = z.iso.datetime({ precision: 3 });
export const opt = z.optional;

export function pageOf<Item extends z.ZodMiniType>(item: Item, what: string) {
  return as(
    z.object({
      data: as(z.array(item), "The items; a page may be short and still have a next one."),
      nextCursor: as(z.nullable(z.string()), "Give it as `cursor` for the next page; null on the last."),
    }),
    `A page of ${what}.`,
  );
}
