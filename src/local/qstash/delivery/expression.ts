/** The functions that a retry delay may call here, each of two arguments. */
const FUNCTIONS: Readonly<Record<string, (a: number, b: number) => number>> = {
  pow: (a, b) => a ** b,
  min: Math.min,
  max: Math.max,
};

const TOKEN = /\s*(?:(\d+(?:\.\d+)?)|([A-Za-z_]\w*)|([*(),]))/y;

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
 * Evaluates a retry delay such as `min(300000, 3000 * pow(10, retried))`: numbers, `retried`, products, `pow`,
 * `min` and `max`. QStash knows more (docs: features/retry), which is refused here.
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

  function product(): number {
    let value = factor();
    while (accept("*")) value *= factor();
    return value;
  }

  function factor(): number {
    const token = tokens[next++];
    if (token === undefined) throw new SyntaxError("the expression ends too early");
    if (/^\d/.test(token)) return Number(token);
    if (token === "retried") return retried;
    const called = Object.hasOwn(FUNCTIONS, token) ? FUNCTIONS[token] : undefined;
    if (!called) throw new SyntaxError(`unknown name ${token}`);
    expect("(");
    const first = product();
    expect(",");
    const second = product();
    expect(")");
    return called(first, second);
  }

  const value = product();
  if (next < tokens.length) throw new SyntaxError(`unexpected ${tokens[next]}`);
  return value;
}
