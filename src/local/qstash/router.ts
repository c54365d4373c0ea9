import type { Broker } from "./broker.ts";
import type { ApiRequest, ApiResponse } from "./http.ts";

/** What a route's handler gets: the parts of the path that its pattern names, decoded. */
type Params = Readonly<Record<string, string>>;
export type Handler = (
  broker: Broker,
  request: ApiRequest,
  params: Params,
) => Promise<ApiResponse> | ApiResponse;

/**
 * One operation. In its path `:name` stands for one segment, and `*` at the end for the rest of the path as
 * it was sent.
 */
export interface Route {
  readonly methods: readonly string[];
  readonly path: string;
  readonly handle: Handler;
}

interface Match {
  readonly route: Route;
  readonly params: Params;
}

/** The route of a request, or the methods that its path knows. */
export function findRoute(
  routes: readonly Route[],
  method: string,
  path: string,
): Match | { readonly allowed: readonly string[] } {
  const allowed: string[] = [];
  for (const route of routes) {
    const params = matchPath(route.path, path);
    if (!params) continue;
    if (route.methods.includes(method)) return { route, params };
    allowed.push(...route.methods);
  }
  return { allowed };
}

function matchPath(pattern: string, path: string): Params | undefined {
  const params: Record<string, string> = {};
  const isOpen = pattern.endsWith("/*");
  const names = pattern.split("/");
  const segments = path.split("/");
  if (isOpen ? segments.length < names.length : segments.length !== names.length) return undefined;
  for (const [i, name] of names.entries()) {
    const segment = segments[i] ?? "";
    if (isOpen && i === names.length - 1) params["*"] = segments.slice(i).join("/");
    else if (name.startsWith(":")) params[name.slice(1)] = decodeSegment(segment);
    else if (name !== segment) return undefined;
  }
  return params;
}

/** A segment that is not well encoded means itself. */
export function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

export const ok = (json: unknown = {}): ApiResponse => ({ status: 200, json });
