/** The name of a metadata pair's index: 128 bits of a SHA-256, so that any value makes a short key. */
export async function pairHash(name: string, value: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`${name}=${value}`));
  return Array.from(new Uint8Array(digest, 0, 16), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
