// Uniform structs as bytes. A WGSL struct of scalar u32/i32/f32 fields packs without gaps,
// so its bytes are its fields in order, rounded up to 16.

/** Pack scalars in the order of the WGSL struct: `u32(n)`, `f32(x)` say how each is written. */
export type Scalar = { readonly u32: number } | { readonly f32: number };

export const u32 = (value: number): Scalar => ({ u32: value });
export const f32 = (value: number): Scalar => ({ f32: value });

export function packParams(...fields: readonly Scalar[]): ArrayBuffer {
  const bytes = new ArrayBuffer(Math.ceil(fields.length / 4) * 16);
  const view = new DataView(bytes);
  fields.forEach((field, i) => {
    if ("u32" in field) view.setUint32(i * 4, field.u32, true);
    else view.setFloat32(i * 4, field.f32, true);
  });
  return bytes;
}
