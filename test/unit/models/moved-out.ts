// An ONNX file whose weights are taken out of it, into files beside it, as exporters do: torch.onnx (model.onnx.data),
// optimum (model.onnx_data), one file per tensor.
import { concatBytes } from "../../../src/models/files/files";
import { fields, message, readOnnx } from "../../../src/models/onnx/wire";
import { intField, lengthField, type Parts } from "../../../src/models/onnx/write";

const [GRAPH, INITIALIZER] = [7, 5];

export interface MovedOut {
  readonly model: Uint8Array;
  /** By location. */
  readonly data: Map<string, Uint8Array>;
}

/** @param locationOf where a tensor's numbers go; `lengths`: whether the graph says how long they are */
export function movedOut(
  bytes: Uint8Array,
  locationOf: (tensor: string, index: number) => string,
  { lengths = true }: { lengths?: boolean } = {},
): MovedOut {
  const graph = readOnnx(bytes);
  const files = new Map<string, Uint8Array[]>();
  let index = 0;
  const outside = (name: string): Parts | undefined => {
    const tensor = graph.initializers.get(name);
    if (!tensor?.raw || tensor.raw.length < 512) return undefined;
    const location = locationOf(name, index++);
    const parts = files.get(location) ?? [];
    files.set(location, parts);
    const offset = parts.reduce((sum, part) => sum + part.length, 0);
    parts.push(tensor.raw);
    const pair = (key: string, value: string) =>
      lengthField(13, [...lengthField(1, key), ...lengthField(2, value)]);
    return [
      ...tensor.dims.map((dim) => intField(1, dim)),
      intField(2, tensor.dataType),
      ...lengthField(8, name),
      ...pair("location", location),
      ...pair("offset", `${offset}`),
      ...(lengths ? pair("length", `${tensor.raw.length}`) : []),
      intField(14, 1),
    ];
  };
  const nameOf = (field: ReturnType<typeof message> extends Generator<infer F> ? F : never): string => {
    for (const { no, start, end } of message(bytes, field))
      if (no === 8) return new TextDecoder().decode(bytes.subarray(start, end));
    return "";
  };
  const pieces: Uint8Array[] = [];
  for (const field of fields(bytes, 0, bytes.length)) {
    if (field.no !== GRAPH) {
      pieces.push(bytes.subarray(field.from, field.next));
      continue;
    }
    const inner = [...message(bytes, field)].flatMap((part): Uint8Array[] => {
      const away = part.no === INITIALIZER ? outside(nameOf(part)) : undefined;
      return away ? lengthField(INITIALIZER, away) : [bytes.subarray(part.from, part.next)];
    });
    pieces.push(...lengthField(GRAPH, inner));
  }
  return {
    model: concatBytes(pieces),
    data: new Map(
      [...files].map(([location, parts]) => [location, concatBytes([new Uint8Array(0), ...parts])]),
    ),
  };
}
