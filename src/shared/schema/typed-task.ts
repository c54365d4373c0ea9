/**
 * The types of a task type, for a client: its name, the input that it takes, and the result as JSON. `typeof tasks` of
 * a deployment is enough to type a client; no code of the deployment is imported.
 */
export interface TypedTask<Type extends string = string, Input = unknown, Result = unknown> {
  readonly type: Type;
  /** Never set: it only carries types. */
  readonly "~types"?: { readonly input: Input; readonly result: Result } | undefined;
}

type JsonValue =
  | string
  | number
  | boolean
  | null
  | undefined
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** A value after its way through `JSON.stringify` and `JSON.parse`: a Date becomes a string, a method is left out. */
export type Json<Value> = Value extends JsonValue
  ? Value
  : Value extends { toJSON(): infer Written }
    ? Json<Written>
    : Value extends readonly unknown[]
      ? { [Index in keyof Value]: Json<Value[Index]> }
      : Value extends object
        ? { [Key in keyof Value as Value[Key] extends Unwritten ? never : Key]: Json<Value[Key]> }
        : unknown extends Value
          ? unknown
          : undefined;

type Unwritten = symbol | ((...args: never[]) => unknown);
