// Every kernel's bindings and uniform structs in TypeScript against its WGSL, as a parser of its own reads it: what is
// bound and packed goes by position, so a difference would not fail, but compute something else.
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test, vi } from "vitest";
import type { KernelSpec } from "../src/gpu/kernel";
import { f32, packParams, u32 } from "../src/gpu/params";
import { checkPacked, uniformFields } from "../src/gpu/uniform-layout";
import { callsOf } from "./support/functions";

const specs = vi.hoisted((): KernelSpec[] => []);
vi.mock(import("../src/gpu/kernel"), async (original) => ({
  ...(await original()),
  defineKernel: (spec) => {
    specs.push(spec);
    return spec;
  },
}));

// Its package names a CommonJS file as the main one of an ES module, which Node refuses.
const module: string = "wgsl_reflect/wgsl_reflect.module.js";
const { WgslReflect } = (await import(module)) as typeof import("wgsl_reflect");

const top = resolve(import.meta.dirname, "..");
const read = (dir: string, end: string) =>
  readdirSync(join(top, dir), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(end))
    .map((file) => ({ file: `${dir}/${file}`, text: readFileSync(join(top, dir, file), "utf8") }));

const sources = read("src", ".ts");
for (const { file, text } of sources) if (text.includes("defineKernel(")) await import(join(top, file));

// Kernels that are made for a head size or a subgroup's width.
const attention = await import("../src/student/ops/attention");
const tiled = (
  [
    [attention.attentionKernel(64), attention.attentionTiled],
    [attention.attentionBackwardQueryKernel(64), attention.attentionTiledQuery],
    [attention.attentionBackwardKeyValueKernel(64), attention.attentionTiledKeyValue],
  ] as readonly (readonly [KernelSpec, (spec: KernelSpec, lanes: number) => KernelSpec])[]
).map(([spec, of]) => [spec, of(spec, 32)] as const);
const { matmulForm, matmulKernel } = await import("../src/student/ops/matmul-forms");
const forms = (["nt", "nn", "tn"] as const).map((layout) => {
  const form = matmulForm("subgroup", { layout, rows: 64, cols: 64, inner: 64 }, 32);
  return [matmulKernel as KernelSpec, form!.spec as KernelSpec] as const; // 64 divides by every tile
});
const { sinkhornFused, sinkhorn } = await import("../src/ot/sinkhorn");
sinkhornFused(32);

const reflected = (spec: KernelSpec) => new WgslReflect(spec.code.join("\n"));
const uniformsOf = ({ bindings }: KernelSpec) =>
  Object.keys(bindings).filter((name) => bindings[name] === "uniform");

test("every entry point of shaders/ has its kernel", () => {
  const entries = read("shaders", ".wgsl").flatMap(({ text }) =>
    [...text.matchAll(/@compute[^{]*?\bfn\s+(\w+)/g)].map(([, name = ""]) => name),
  );
  expect(entries.length).toBeGreaterThan(100);
  expect(new Set(specs.map(({ entry }) => entry))).toEqual(new Set(entries));
});

describe("bindings and uniform structs", () => {
  test.each(specs.map((spec) => [spec.entry, spec] as const))("%s", (entry, spec) => {
    const wgsl = reflected(spec);
    expect(wgsl.entry.compute.map(({ name }) => name)).toContain(entry);
    const [group = [], ...others] = wgsl.getBindGroups();
    expect(others).toEqual([]);
    const bound = group.map(({ name, access, resourceType }) => {
      if (resourceType === 0) return [name, "uniform"]; // ResourceType.Uniform
      return [name, access === "read_write" ? "write" : access];
    });
    expect(bound).toEqual(Object.entries(spec.bindings));
    for (const { name, members, size } of wgsl.uniforms) {
      const fields = members?.map((field, i) => {
        expect(field.offset, `${field.name} is packed without a gap`).toBe(4 * i);
        return { name: field.name, type: field.type.name };
      });
      expect(uniformFields(spec, name)).toEqual(fields);
      expect(size).toBe(4 * (fields?.length ?? 0));
    }
    expect(wgsl.uniforms.map(({ name }) => name)).toEqual(uniformsOf(spec));
  });
});

test("a faster kernel reads what was packed for the plain one", () => {
  for (const [plain, faster] of [...tiled, ...forms, [sinkhorn, sinkhornFused(32)] as const])
    for (const name of uniformsOf(plain))
      expect(uniformFields(faster, name), faster.entry).toEqual(uniformFields(plain, name));
});

describe("what is packed", () => {
  const spec: KernelSpec = {
    entry: "e",
    code: [
      "struct Params {\n  rows: u32, // R\n  eps: f32,\n}\n@group(0) @binding(0) var<uniform> params: Params;",
    ],
    bindings: { params: "uniform" },
  };
  test("must be the struct's fields", () => {
    expect(() => checkPacked(spec, "params", packParams(u32(3), f32(0.5)))).not.toThrow();
    for (const fields of [[u32(3)], [f32(0.5), u32(3)], [u32(3), u32(1)], [u32(3), f32(0.5), u32(0)]])
      expect(() => checkPacked(spec, "params", packParams(...fields))).toThrow(
        /"e" reads params as \(rows: u32, eps: f32\), got/,
      );
    expect(() => uniformFields(spec, "scale")).toThrow(/no struct behind var<uniform> scale/);
  });

  // Two values of one type may still change places: no value has the name of another field.
  const calls = sources.flatMap(({ file, text }) =>
    callsOf(file, text, "packParams").map((args) => ({ file, text, args })),
  );
  test("no value stands in the place of another field", () => {
    expect(calls.length).toBeGreaterThan(70);
    let compared = 0;
    const wrong: string[] = [];
    for (const { file, text, args } of calls) {
      const values = args.map((arg) => /^(u32|f32)\((.*)\)$/s.exec(arg)?.slice(1) ?? []);
      const structs = specs
        .filter(({ entry, bindings }) => text.includes(`"${entry}"`) && "params" in bindings)
        .map((one) => uniformFields(one, "params"))
        .filter((fields) => fields.map(({ type }) => type).join() === values.map(([type]) => type).join());
      if (structs.length > 0) compared++;
      const crossed = structs.map((fields) =>
        values.flatMap(([, value = ""], i) => {
          const name = snake(/^\w+$/.exec(value)?.[0] ?? "");
          return name !== fields[i]?.name && fields.some((field) => field.name === name) ? [value] : [];
        }),
      );
      if (crossed.length > 0 && crossed.every((one) => one.length > 0))
        wrong.push(`${file}: ${args.join(", ")}`);
    }
    expect(wrong).toEqual([]);
    expect(compared).toBeGreaterThan(50);
  });
});

const snake = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
