/** The functions that QStash documents for `Upstash-Retry-Delay`, with the number of arguments they take. */
const FUNCTIONS: Readonly<Record<string, { arity: number; apply: (...args: number[]) => number }>> = {
  pow: { arity: 2, apply: (x = 0, y = 0) => x ** y },
  min: { arity: 2, apply: Math.min },
  max: { arity: 2, apply: Math.max },
  sqrt: { arity: 1, apply: Math.sqrt },
  exp: { arity: 1, apply: Math.exp },
  abs: { arity: 1, apply: Math.abs },
  floor: { arity: 1, apply: Math.floor },
  ceil: { arity: 1, apply: Math.ceil },
  round: { arity: 1, apply: Math.round },
};

const TOKEN = /\s*(?:(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|([A-Za-z_]\w*)|([-+*/%(),]))/y;

function tokenize(text: string): string[] {
  const tokens: string[] = [];
  const source = text.trimEnd();
  TOKEN.lastIndex = 0;
  for (let end = 0; end < source.length; end = TOKEN.lastIndex) {
    const match = TOKEN.exec(source);
    if (!match) throw new SyntaxError(`unexpected character at position ${end}`);
    tokens.push(match[1] ?? match[2] ?? match[3] ?? "");
  }
  return tokens;
}

/**
 * Evaluates a retry-delay expression such as `min(60000, pow(2, retried) * 1000)`.
 *
 * @param retried how many times the message has been retried before; 0 for the first retry.
 * @returns milliseconds.
 * @throws SyntaxError when the text is no such expression.
 */
export function evaluateRetryDelay(text: string, retried: number): number {
  const tokens = tokenize(text);
  let next = 0;
  const accept = (token: string): boolean => tokens[next] === token && next++ >= 0;
  const expect = (token: string): void => {
    if (!accept(token)) throw new SyntaxError(`expected ${token} but found ${tokens[next] ?? "the end"}`);
  };

  function sum(): number {
    let value = product();
    for (;;) {
      if (accept("+")) value += product();
      else if (accept("-")) value -= product();
      else return value;
    }
  }

  function product(): number {
    let value = signed();
    for (;;) {
      if (accept("*")) value *= signed();
      else if (accept("/")) value /= signed();
      else if (accept("%")) value %= signed();
      else return value;
    }
  }

  function signed(): number {
    if (accept("-")) return -signed();
    if (accept("+")) return signed();
    return primary();
  }

  function primary(): number {
    if (accept("(")) {
      const value = sum();
      expect(")");
      return value;
    }
    const token = tokens[next++];
    if (token === undefined) throw new SyntaxError("the expression ends too early");
    if (/^\d/.test(token)) return Number(token);
    if (token === "retried") return retried;
    return call(token);
  }

  function call(name: string): number {
    const called = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
    if (!called) throw new SyntaxError(`unknown name ${name}`);
    expect("(");
    const args = [sum()];
    while (accept(",")) args.push(sum());
    expect(")");
    if (args.length !== called.arity) throw new SyntaxError(`${name} takes ${called.arity} argument(s)`);
    return called.apply(...args);
  }

  const value = sum();
  if (next < tokens.length) throw new SyntaxError(`unexpected ${tokens[next]}`);
  return value;
}
