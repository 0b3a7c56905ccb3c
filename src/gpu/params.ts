// Uniform structs as bytes. A WGSL struct of scalar u32/i32/f32 fields packs without gaps,
// so its bytes are its fields in order, rounded up to 16.

/** Pack scalars in the order of the WGSL struct: `u32(n)`, `f32(x)` say how each is written. */
export type Scalar = { readonly u32: number } | { readonly f32: number };

export const u32 = (value: number): Scalar => ({ u32: value });
export const f32 = (value: number): Scalar => ({ f32: value });

export type ScalarType = "u32" | "f32";

const types = new WeakMap<ArrayBuffer, readonly ScalarType[]>();

/** The types that `packParams` wrote, in order; undefined for bytes from elsewhere. */
export const packedTypes = (bytes: ArrayBuffer): readonly ScalarType[] | undefined => types.get(bytes);

/** The bytes of a uniform struct; whoever dispatches checks its fields' number and types: see uniform-layout.ts. */
export function packParams(...fields: readonly Scalar[]): ArrayBuffer {
  const bytes = new ArrayBuffer(Math.ceil(fields.length / 4) * 16);
  const view = new DataView(bytes);
  fields.forEach((field, i) => {
    if ("u32" in field) view.setUint32(i * 4, field.u32, true);
    else view.setFloat32(i * 4, field.f32, true);
  });
  types.set(
    bytes,
    fields.map((field) => ("u32" in field ? "u32" : "f32")),
  );
  return bytes;
}
