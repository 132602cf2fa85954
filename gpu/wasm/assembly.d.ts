declare module '*.ts?assembly' {
  /** One WebAssembly module in base64, by the instructions that it needs. */
  const code: { readonly simd: string; readonly relaxedSimd: string };
  export default code;
}
