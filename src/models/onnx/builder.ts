// A decoder graph under construction: nodes and initializers, each constant and parameter stored once.

import { ModelError } from "../errors";
import { floatsToHalves } from "../files/half";
import { FLOAT, FLOAT16, INT64 } from "./wire";
import { lateTensorProto, type NodeSpec, nodeProto, type Parts, type Piece, tensorProto } from "./write";

export interface Builder {
  readonly nodes: readonly Parts[];
  readonly initializers: readonly (readonly Piece[])[];
  /** Adds a node and returns the name of its output. */
  node(
    op: string,
    name: string,
    inputs: readonly string[],
    attributes?: NodeSpec["attributes"],
    output?: string,
  ): string;
  /** A whole-number constant: a scalar for a number, a vector for a list. */
  ints(value: number | readonly number[]): string;
  float(value: number): string;
  floats(name: string, shape: readonly number[], data: Float32Array): string;
  has(parameter: string): boolean;
  /** A parameter as it is stored. */
  weight(name: string): string;
  /** x · Wᵀ (+ b) for the parameters `module`.weight, [out, in], and `module`.bias if there is one. */
  linear(module: string, x: string, output?: string): string;
  /** x · W + b for a weight stored [in, out], as GPT-2's Conv1D. */
  conv1d(module: string, x: string): string;
}

/** `half` stores the parameters in f16; the graph casts them back, so that all arithmetic stays f32. */
export function createBuilder(shapes: ReadonlyMap<string, readonly number[]>, half = false): Builder {
  const nodes: Parts[] = [];
  const initializers: (readonly Piece[])[] = [];
  const stored = new Map<string, string>();
  const node: Builder["node"] = (op, name, inputs, attributes = {}, output = `${name}_output_0`) => {
    nodes.push(nodeProto({ op, name, inputs, outputs: [output], attributes }));
    return output;
  };
  const once = (name: string, make: () => string): string => {
    const known = stored.get(name);
    if (known !== undefined) return known;
    const made = make();
    stored.set(name, made);
    return made;
  };
  const floats: Builder["floats"] = (name, shape, data) =>
    once(name, () => {
      initializers.push(tensorProto(name, shape, FLOAT, data));
      return name;
    });
  const shapeOf = (name: string): readonly number[] => {
    const shape = shapes.get(name);
    if (!shape) throw new RangeError(`the exporter asked for ${name}, which the config does not imply`);
    return shape;
  };
  /** A parameter in the form in which the graph stores it; its values come when the file is put together. */
  const keep = (
    name: string,
    shape: readonly number[],
    of: string,
    form: (values: Float32Array) => Float32Array = (values) => values,
  ): string =>
    once(name, () => {
      const [width, type] = half ? [2, FLOAT16] : [4, FLOAT];
      const put = (target: Uint8Array, values: Float32Array): void =>
        target.set(bytesOf(half ? checkedHalves(name, form(values)) : form(values)));
      const length = width * shape.reduce((product, n) => product * n, 1);
      initializers.push(lateTensorProto(name, shape, type, { length, parameter: of, put }));
      return half ? node("Cast", `/${name}/Cast`, [name], { to: FLOAT }) : name;
    });
  const weight = (name: string): string => keep(name, shapeOf(name), name);
  const product = (module: string, x: string, right: string, output?: string): string => {
    const at = scope(module);
    if (!shapes.has(`${module}.bias`)) return node("MatMul", `${at}/MatMul`, [x, right], {}, output);
    const bias = weight(`${module}.bias`);
    return node("Add", `${at}/Add`, [node("MatMul", `${at}/MatMul`, [x, right]), bias], {}, output);
  };
  return {
    nodes,
    initializers,
    node,
    floats,
    ints(value) {
      const list = typeof value === "number" ? [value] : value;
      const dims = typeof value === "number" ? [] : [value.length];
      const name = `i64${dims.length}:${list.join(",")}`;
      return once(name, () => {
        initializers.push(tensorProto(name, dims, INT64, BigInt64Array.from(list, BigInt)));
        return name;
      });
    },
    float: (value) => floats(`f32:${value}`, [], Float32Array.of(value)),
    has: (name) => shapes.has(name),
    weight,
    linear(module, x, output) {
      const [out = 0, width = 0] = shapeOf(`${module}.weight`);
      const form = (values: Float32Array): Float32Array => transposed(values, out, width);
      const right = keep(`${module}.weight_t`, [width, out], `${module}.weight`, form);
      return product(module, x, right, output);
    },
    conv1d: (module, x) => product(module, x, weight(`${module}.weight`)),
  };
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array | Uint16Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

function checkedHalves(name: string, data: Float32Array): Uint16Array {
  const halves = floatsToHalves(data);
  const large = halves.findIndex((bits, i) => (bits & 0x7fff) === 0x7c00 && Number.isFinite(data[i]));
  if (large < 0) return halves;
  throw new ModelError(
    "unsupported",
    `${name} holds ${data[large]}, which f16 cannot; its largest number is 65504. Export without fp16.`,
  );
}

/** "model.layers.0.mlp.up_proj" → "/model/layers.0/mlp/up_proj", as tracing exporters name scopes. */
export const scope = (module: string): string =>
  `/${module.replaceAll(".", "/").replace(/(layers|h)\/(\d+)/, "$1.$2")}`;

function transposed(data: Float32Array, rows: number, cols: number): Float32Array {
  const out = new Float32Array(data.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < cols; j++) out[j * rows + i] = data[i * cols + j] ?? 0;
  return out;
}
