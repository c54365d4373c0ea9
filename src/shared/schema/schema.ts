import * as z from "zod/mini";

/*
 * The building blocks of resource schemas. One schema is the type, the check, the component of the OpenAPI document and
 * the tests' contract.
 */

/** A value as it goes over the wire: nothing of it is changed after it is made. */
type Frozen<Value> = Value extends readonly (infer Item)[]
  ? readonly Frozen<Item>[]
  : Value extends object
    ? { readonly [Name in keyof Value]: Frozen<Value[Name]> }
    : Value;

/** The type of a resource, by its schema. */
export type Infer<Schema extends z.core.$ZodType> = Frozen<z.output<Schema>>;

/** The form that a client may write for that schema. */
export type Written<Schema extends z.core.$ZodType> = Frozen<z.input<Schema>>;

/** A schema with its description, and an example where the type alone says too little. */
export function field<Schema extends z.ZodMiniType>(
  schema: Schema,
  description: string,
  example?: Written<Schema>,
): Schema {
  const own = schema.clone();
  z.globalRegistry.add(own, { description, ...(example !== undefined && { examples: [example] }) });
  return own;
}

/** The named schemas of the OpenAPI document, each with an example. */
export const components = z.registry<{ id: string; example: unknown }>();
const taken = new Set<string>();

/**
 * A schema that the OpenAPI document keeps under its name. It is made when it is first used: to make all of them takes
 * most of a process's start, and a request needs one or two.
 *
 * @throws Error when two have the same name
 */
export function component<Schema extends z.ZodMiniType>(
  id: string,
  make: () => Schema,
  { description, example }: { readonly description: string; readonly example: Written<Schema> },
): z.ZodMiniLazy<Schema> {
  if (taken.has(id)) throw new Error(`Two schemas are called ${id}.`);
  taken.add(id);
  const named = field(z.lazy(make), description);
  components.add(named, { id, example });
  return named;
}

/**
 * A page of a list, `{data, nextCursor}`.
 *
 * @param of what it lists
 * @param shown the items of its example; the item's own unless given
 */
export function pageOf<Item extends z.ZodMiniType>(
  id: string,
  item: Item,
  of: string,
  shown?: readonly Written<Item>[],
) {
  const page = () =>
    z.object({
      data: field(z.array(item), "The items; a page may be short and still have a next one."),
      nextCursor: field(z.nullable(z.string()), "Give it as `cursor` for the next page; null on the last."),
    });
  const example = { data: shown ?? [components.get(item)?.example], nextCursor: null };
  return component(id, page, {
    description: `A page of ${of}.`,
    example: example as Written<ReturnType<typeof page>>, // the item's own example is one
  });
}

/** An id of that kind, a TypeID. */
export const typeId = (prefix: string) => z.string().check(z.regex(idPattern(prefix)));

export const idPattern = (prefix: string) => new RegExp(`^${prefix}_[0-7][0-9a-hjkmnp-tv-z]{25}$`);

export const count = z.int().check(z.minimum(0));
export const positive = z.int().check(z.minimum(1));

/** RFC 3339 in UTC with milliseconds, as every answer has it. */
export const time = z.iso.datetime({ precision: 3 });

/** JSON knows no `undefined`: what may be absent is absent. */
export const opt = z.exactOptional;
