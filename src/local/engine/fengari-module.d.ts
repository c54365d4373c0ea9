/** The package ships no types. */
declare module "fengari" {
  const fengari: import("./fengari.ts").Fengari;
  // biome-ignore lint/style/noDefaultExport: Node gives a CommonJS package as the default export
  export default fengari;
}
