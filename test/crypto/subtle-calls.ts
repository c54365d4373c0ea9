/** How often Web Crypto's asynchronous functions were called since then. */
export function countSubtleCalls(): () => number {
  const prototype: Record<string, unknown> = Object.getPrototypeOf(crypto.subtle);
  let calls = 0;
  for (const name of Object.getOwnPropertyNames(prototype)) {
    const own = Object.getOwnPropertyDescriptor(prototype, name)?.value as unknown;
    if (typeof own !== "function" || name === "constructor") continue;
    prototype[name] = function (this: unknown, ...args: unknown[]): unknown {
      calls += 1;
      return Reflect.apply(own, this, args);
    };
  }
  return () => {
    const counted = calls;
    calls = 0;
    return counted;
  };
}
