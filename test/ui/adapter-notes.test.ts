// what an adapter lacks — plan
//   a full adapter says nothing; no f16 alone; a small binding names the limit and splits the students; a limit that the
//   kernels count on leaves none; limits that are not known are no complaint
import { expect, test } from "vitest";
import { adapterNotes, NEEDED_LIMITS } from "../../src/store";

const full = {
  ...{ name: "A", software: false, features: ["shader-f16"] },
  limits: { ...NEEDED_LIMITS, maxStorageBufferBindingSize: 2 ** 31, maxBufferSize: 2 ** 31 },
};
const withLimits = (limits: Record<string, number>) => ({ ...full, limits: { ...full.limits, ...limits } });

test("a full adapter, and one whose limits are not known", () => {
  expect(adapterNotes(full)).toEqual([]);
  expect(adapterNotes({ ...full, limits: {} })).toEqual([]);
});
test("no f16", () => expect(adapterNotes({ ...full, features: [] })).toEqual([{ kind: "no-f16" }]));
test("the guaranteed minimum of a binding leaves out large tables", () => {
  const [note] = adapterNotes(withLimits({ maxStorageBufferBindingSize: 2 ** 27 }));
  expect(note).toMatchObject({ kind: "low-limits", fit: ["the bundled students", "SmolLM2-135M"] });
  expect(note).toMatchObject({ limits: [{ name: "maxStorageBufferBindingSize", here: 2 ** 27 }] });
});
test("four buffers a stage: nothing trains", () => {
  const [note] = adapterNotes(withLimits({ maxStorageBuffersPerShaderStage: 4 }));
  expect(note).toMatchObject({
    fit: [],
    limits: [{ name: "maxStorageBuffersPerShaderStage", here: 4, needed: 8 }],
  });
});
