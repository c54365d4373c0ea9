/** A font file: esbuild gives its bytes (loader `binary`), wrangler a buffer (rule `Data`). */
declare module "*.ttf" {
  const bytes: Uint8Array | ArrayBuffer;
  // biome-ignore lint/style/noDefaultExport: a module of bytes has no other export
  export default bytes;
}
