// words for people — plan
//   a setting's issue never speaks of types: every kind of wrong value of every kind of field
//   what is kept offline: nothing where data are saved, all only where it was loaded anyway
//   labels of bytes lose their brackets before a digit; one sweep is no "sweeps"
import { describe, expect, test } from "vitest";
import { DEFAULT_RUN } from "../../src/config/presets";
import { ConfigError, parseRunConfig } from "../../src/config/run";
import { parseTransportView, TRANSPORT_PRESETS } from "../../src/config/transport-view";
import { keptOffline } from "../../src/views/offline";
import { messages } from "../../src/views/messages";
import { tokenLabel } from "../../src/figure";

function issuesOf(work: () => unknown): readonly string[] {
  try {
    work();
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.issues;
    throw error;
  }
}
const run = (change: object) => issuesOf(() => parseRunConfig({ ...DEFAULT_RUN, ...change }));

describe("issues", () => {
  test.each([
    [{ steps: Number.NaN }, "steps: must be a number"],
    [{ steps: "many" }, 'steps: must be a number, got "many"'],
    [{ steps: undefined }, "steps: is missing"],
    [{ steps: -5 }, "steps: must be at least 1, got -5"],
    [{ steps: 1.5 }, "steps: must be a whole number, got 1.5"],
    [{ step: 7 }, "step: is not a setting here; check its spelling"],
    [{ teacher: 7 }, "teacher: must be a text, got 7"],
    [{ data: { ...DEFAULT_RUN.data, view: "both" } }, 'data.view: must be one of cot, plain, got "both"'],
    [{ data: 3 }, "data: must be a group of settings, got 3"],
  ])("%j", (change, said) => {
    expect(run(change)).toContain(said);
  });

  test("of methods by their names, and of Transport", () => {
    expect(run({ method: { id: "magic" } })[0]).toMatch(
      /^method\.id: must be one of sft, kd, .*got "magic"$/,
    );
    const view = { ...TRANSPORT_PRESETS.intended, epsilon: "many" };
    expect(issuesOf(() => parseTransportView(view))).toEqual(['epsilon: must be a number, got "many"']);
  });

  test("no wrong value of any setting is answered in the validator's words", () => {
    const wrong = [Number.NaN, Infinity, -1, 1.5, "x", true, null, [], {}, undefined];
    for (const key of Object.keys(DEFAULT_RUN))
      for (const value of wrong)
        for (const line of run({ [key]: value }))
          expect(line, `${key} = ${String(value)}`).not.toMatch(/Invalid|Expected|but received/);
  });
});

test("what is kept offline", () => {
  const desktop = { savesData: false, mobile: false, trains: true };
  expect(keptOffline(desktop)).toBe("all");
  expect(keptOffline({ ...desktop, trains: false })).toBe("page");
  expect(keptOffline({ ...desktop, mobile: true })).toBe("page");
  expect(keptOffline({ ...desktop, savesData: true })).toBe("nothing");
});

test("labels and plurals", () => {
  expect(tokenLabel("⟨C3⟩", 4)).toBe("⟨C3⟩");
  expect(tokenLabel("⟨C3⟩", 2)).toBe("C3");
  expect(tokenLabel("⟨C3⟩⟨A9⟩", 4)).toBe("C3A9");
  expect(tokenLabel("Therefore", 4)).toBe("The…");
  expect(messages.run.progress("compiling the training step", 37, 0)).toBe(
    "compiling the training step: 37 so far",
  );
});
