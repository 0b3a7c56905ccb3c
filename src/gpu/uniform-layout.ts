// The fields of a kernel's uniform struct, read from its WGSL, against what `packParams` wrote: values go by position,
// and one too many, too few or of the wrong type would otherwise be read as another field's without a word.
import type { KernelSpec } from "./kernel";
import { packedTypes, type ScalarType } from "./params";

export interface UniformField {
  readonly name: string;
  readonly type: ScalarType;
}

/** By the spec's code, which variants with other constants share. */
const known = new WeakMap<object, Map<string, readonly UniformField[]>>();

/**
 * The fields of `var<uniform> binding` in their order.
 *
 * @throws TypeError when the WGSL has no such uniform, or it is no struct of u32 and f32 alone.
 */
export function uniformFields(spec: KernelSpec, binding: string): readonly UniformField[] {
  let structs = known.get(spec.code);
  if (!structs) known.set(spec.code, (structs = new Map()));
  let fields = structs.get(binding);
  if (!fields) structs.set(binding, (fields = readFields(spec, binding)));
  return fields;
}

function readFields({ code, entry }: KernelSpec, binding: string): UniformField[] {
  const text = code.join("\n").replaceAll(/\/\/.*/g, "");
  const type = new RegExp(`var<uniform>\\s+${binding}\\s*:\\s*(\\w+)\\s*;`).exec(text)?.[1];
  const body = type && new RegExp(`struct\\s+${type}\\s*\\{([^}]*)\\}`).exec(text)?.[1];
  if (!body) throw new TypeError(`The WGSL of "${entry}" has no struct behind var<uniform> ${binding}`);
  return body
    .split(",")
    .filter((field) => field.trim() !== "")
    .map((field) => {
      const [, name, scalar] = /^\s*(\w+)\s*:\s*(u32|f32)\s*$/.exec(field) ?? [];
      if (name === undefined)
        throw new TypeError(`"${entry}": ${type} has a field that is no scalar: ${field}`);
      return { name, type: scalar as ScalarType }; // the expression lets no other through
    });
}

/** @throws TypeError when what was packed is not the struct that the kernel reads. */
export function checkPacked(spec: KernelSpec, binding: string, bytes: ArrayBuffer): void {
  const packed = packedTypes(bytes);
  if (!packed) return; // not from packParams
  const fields = uniformFields(spec, binding);
  const want = fields.map(({ name, type }) => `${name}: ${type}`);
  if (fields.length === packed.length && fields.every(({ type }, i) => type === packed[i])) return;
  throw new TypeError(`"${spec.entry}" reads ${binding} as (${want.join(", ")}), got (${packed.join(", ")})`);
}
