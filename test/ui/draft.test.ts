// settings form — plan
//   every offered field of every preset shows its value; unedited drafts are the preset itself
//   a wrong number is kept as typed and named at its field; an edit back to the preset is no change
//   SFT has no epsilon; changing to CoT2Align brings its defaults; other edits survive the change
//   import: a config becomes the draft; one that equals a preset is named after it
import { expect, test } from "vitest";
import { DEFAULT_RUN, PRESETS } from "../../src/config/presets";
import {
  draftFor,
  draftOf,
  editDraft,
  draftFields,
  fieldText,
  validateDraft,
  sameConfig,
} from "../../src/store";

test.each(Object.keys(PRESETS) as (keyof typeof PRESETS)[])("preset %s is its own draft", (id) => {
  const verdict = validateDraft(draftOf(id));
  expect(verdict).toMatchObject({ issues: {}, others: [], changed: [] });
  expect(sameConfig(verdict.config, PRESETS[id].config)).toBe(true);
});

test("every field shows a value", () => {
  const draft = draftOf("first-light");
  const paths = draftFields(draft).map(({ path }) => path);
  expect(paths.filter((path) => fieldText(draft, path) === undefined)).toEqual([]);
  expect(paths).toContain("method.transport.epsilon");
  expect(paths).not.toContain("version");
});

test.each([
  ["method.transport.epsilon", "-1"],
  ["method.transport.epsilon", "0"],
  ["method.kdRate", "1.5"],
  ["optimizer.learningRate", ""],
  ["optimizer.learningRate", "1e"],
  ["steps", "2.5"],
  ["batchSize", "0"],
  ["seed", "-3"],
] as const)("%s = %j is named at its field and kept as typed", (path, text) => {
  const draft = editDraft(draftOf("first-light"), path, text);
  const { config, issues } = validateDraft(draft);
  expect(config).toBeUndefined();
  expect(Object.keys(issues)).toEqual([path]);
  expect(fieldText(draft, path)).toBe(text);
});

test("an edit changes the config, and back again is no change", () => {
  const edited = editDraft(draftOf("first-light"), "steps", "12");
  expect(validateDraft(edited)).toMatchObject({ config: { steps: 12 }, changed: ["steps"] });
  expect(validateDraft(editDraft(edited, "steps", String(DEFAULT_RUN.steps))).changed).toEqual([]);
});

test("SFT has no epsilon, and other edits survive a change of method", () => {
  const sft = editDraft(editDraft(draftOf("first-light"), "steps", "12"), "method.id", "sft");
  expect(fieldText(sft, "method.transport.epsilon")).toBeUndefined();
  expect(validateDraft(sft).config).toMatchObject({ method: { id: "sft" }, steps: 12 });
});

test("CoT2Align on an SFT preset brings its defaults", () => {
  const draft = editDraft(draftOf("sft"), "method.id", "cot2align");
  expect(validateDraft(draft).config?.method).toMatchObject({ id: "cot2align", transport: { epsilon: 0.1 } });
});

// The form is read off the schema: whatever the schema offers must be reachable and start from usable defaults.
const choices = draftFields(draftOf("first-light"))
  .filter(({ variant }) => variant)
  .flatMap(({ path, options }) => options.map((option) => [path, option] as const));
test.each(choices)("%s = %s starts from usable defaults", (path, option) => {
  const verdict = validateDraft(editDraft(draftOf("first-light"), path, option));
  expect([verdict.issues, verdict.others]).toEqual([{}, []]);
  expect(fieldText(editDraft(draftOf("first-light"), path, option), path)).toBe(option);
});

test("a base of CoT2Align has its own settings, edited with it", () => {
  const kd = editDraft(draftOf("first-light"), "method.base.id", "kd");
  const edited = editDraft(kd, "method.base.temperature", "3");
  expect(validateDraft(edited).config?.method).toMatchObject({ base: { id: "kd", temperature: 3 } });
});

test("a list and a switch", () => {
  const lora = editDraft(draftOf("first-light"), "training.kind", "lora");
  const edited = editDraft(editDraft(lora, "training.targets", "q_proj, up_proj"), "method.crossCot", "true");
  expect(validateDraft(edited).config).toMatchObject({
    training: { targets: ["q_proj", "up_proj"] },
    method: { crossCot: true },
  });
});

test("a list of objects is JSON", () => {
  const pairs = [{ student: 1, teacher: 2, weight: 0.5 }];
  const edited = editDraft(draftOf("first-light"), "method.transport.layers", JSON.stringify(pairs));
  expect(validateDraft(edited).config).toMatchObject({ method: { transport: { layers: pairs } } });
  expect(validateDraft(editDraft(edited, "method.transport.layers", "[{")).config).toBeUndefined();
});

test("a config that equals a preset is named after it", () => {
  expect(draftFor(structuredClone(DEFAULT_RUN)).preset).toBe("first-light");
  expect(draftFor({ ...DEFAULT_RUN, seed: 8 }).preset).toBe("imported");
});
