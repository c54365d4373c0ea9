/** The path below which a gateway answers: empty at the top of its host, else with a slash before and none after. */
export function basePathOf(publicUrl: string): string {
  return new URL(publicUrl).pathname.replace(/\/+$/, "");
}

/**
 * Takes the base path off requests, so that everything behind it sees the addresses of this API as they are declared:
 * `/async/v1/tasks` is `/v1/tasks`, and `/async` is `/`.
 *
 * @returns undefined for a request that is not below the base path
 */
export function mountPoint(publicUrl: string): (request: Request) => Request | undefined {
  const base = basePathOf(publicUrl);
  if (base === "") return (request) => request;
  return (request) => {
    const url = new URL(request.url);
    if (url.pathname !== base && !url.pathname.startsWith(`${base}/`)) return undefined;
    url.pathname = url.pathname.slice(base.length);
    return new Request(url, request);
  };
}
