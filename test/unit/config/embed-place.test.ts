// addresses of embedded figures — plan
//   there and back for every view, start and theme, and any set of controls; none is all; unknown words are named;
//   the name that older lines carry still opens
import { expect, test } from "vitest";
import fc from "fast-check";
import {
  EMBED_CONTROLS,
  EMBED_STARTS,
  EMBED_THEMES,
  EMBED_VIEWS,
  embedHash,
  parseEmbedPlace,
} from "../../../src/config/embed-place";

const parts = (hash: string): [string, string] => {
  const [, , view = "", words = ""] = (hash.split("?")[0] ?? "").split("/");
  return [view, words];
};

test("there and back", () =>
  fc.assert(
    fc.property(
      fc.record({
        view: fc.constantFrom(...EMBED_VIEWS),
        controls: fc.subarray([...EMBED_CONTROLS], { minLength: 1 }),
        start: fc.constantFrom(...EMBED_STARTS),
        theme: fc.constantFrom(...EMBED_THEMES),
      }),
      (place) => {
        const hash = embedHash(place, "v=1&epsilon=2");
        expect(parseEmbedPlace(...parts(hash))).toEqual({ place, issues: [] });
        expect(hash.endsWith("?v=1&epsilon=2")).toBe(true);
      },
    ),
  ));

test("all controls and the usual start need no words; unknown ones are named", () => {
  const all = parseEmbedPlace("plan", "");
  expect(all.place.controls).toEqual(EMBED_CONTROLS);
  expect(embedHash(all.place, "")).toBe("#/embed/plan");
  expect(parseEmbedPlace("plan", "eps+magic").issues).toEqual([
    expect.stringMatching(/"magic" is none of eps, sweeps/),
  ]);
  expect(parseEmbedPlace("cake", "").issues[0]).toMatch(/"cake" is none of plan, sinkhorn, replay/);
  expect(parseEmbedPlace("transport", "sweeps").place).toMatchObject({
    view: "sinkhorn",
    controls: ["sweeps"],
  });
});
