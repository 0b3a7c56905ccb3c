// colours — plan
//   tokens.css and palette.ts hold the same values in both themes
//   text ≥ 4.5:1 on ground and raised ground; marks and control borders ≥ 3:1; changed words stay readable
//   figures: nothing is the ground, the largest cell and the largest ribbon stand out by 4.5:1, in both themes
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { contrast, opacityOf, PALETTES, rampOf, shadeOf, SOURCES, type Scheme } from "../../src/figure";

const css = readFileSync(resolve(import.meta.dirname, "../../src/views/styles/tokens.css"), "utf8");
const SCHEMES: Scheme[] = ["light", "dark"];

test("the style sheet and the canvases share their colours", () => {
  const tokens = [...css.matchAll(/--([\w-]+): light-dark\((#\w{6}), (#\w{6})\);/g)];
  const parsed = Object.fromEntries(
    tokens.map(([, name = "", light = "", dark = ""]) => [name, { light, dark }]),
  );
  for (const scheme of SCHEMES)
    expect(Object.fromEntries(Object.entries(parsed).map(([k, v]) => [k, v[scheme]]))).toEqual(
      PALETTES[scheme],
    );
});

describe.each(SCHEMES)("%s theme", (scheme) => {
  const palette = PALETTES[scheme];
  test.each(["ink", "muted", "bad", "teacher", "student"] as const)(
    "text in %s reads on both grounds",
    (role) => {
      expect(contrast(palette[role], palette.ground)).toBeGreaterThanOrEqual(4.5);
      expect(contrast(palette[role], palette.raised)).toBeGreaterThanOrEqual(4.5);
    },
  );
  test.each(["ce", "kd", "ot-embedding", "ot-hidden", "control"] as const)("marks in %s are seen", (role) => {
    expect(contrast(palette[role], palette.ground)).toBeGreaterThanOrEqual(3);
  });
  test("changed words are read, and seen to be changed", () => {
    expect(contrast(palette.ink, palette.changed)).toBeGreaterThanOrEqual(4.5);
  });
});

const tableHex = (table: Uint8ClampedArray, i: number) =>
  `#${[0, 1, 2].map((c) => table[i * 3 + c]!.toString(16).padStart(2, "0")).join("")}`;
/** A colour laid over another. */
const over = (color: string, ground: string, opacity: number) =>
  `#${[1, 3, 5]
    .map((at) => [color, ground].map((hex) => Number.parseInt(hex.slice(at, at + 2), 16)))
    .map(([top = 0, below = 0]) =>
      Math.round(top * opacity + below * (1 - opacity))
        .toString(16)
        .padStart(2, "0"),
    )
    .join("")}`;

describe.each(SCHEMES)("figures in the %s theme", (scheme) => {
  const { ground, raised } = PALETTES[scheme];
  const ramp = rampOf(scheme);
  const steps = Array.from({ length: 256 }, (_, i) => contrast(tableHex(ramp, i), ground));
  test("nothing is the ground, the most stands out most, and every step between stands out more", () => {
    expect(tableHex(ramp, 0)).toBe(ground);
    for (let i = 1; i < 256; i++)
      expect(steps[i]!, `colour ${i}`).toBeGreaterThanOrEqual(steps[i - 1]! - 1e-9);
    for (let i = 4; i < 256; i++) expect(steps[i]!, `colour ${i}`).toBeGreaterThan(steps[i - 4]!);
    expect(steps[255]).toBeGreaterThanOrEqual(4.5);
  });
  test.each(["sqrt", "linear", "log"] as const)("a matrix's largest cell stands out (%s)", (scale) => {
    const masses = Float32Array.of(0, 0.01, 0.2, 0.79);
    const shade = shadeOf(masses, { kind: "plan", scale, scheme });
    expect(contrast(tableHex(shade.table, shade.at(0.79)), ground)).toBeGreaterThanOrEqual(4.5);
    expect(tableHex(shade.table, shade.at(0))).toBe(ground);
    expect(shade.at(Number.NaN)).toBe(-1); // no number is not nothing
  });
  test("a ribbon's largest flow stands out where tokens have a partner, in every colour; a spread plan stays pale", () => {
    for (const source of SOURCES[scheme]) {
      for (const largest of [0.35, 0.6, 1])
        expect(contrast(over(source, ground, opacityOf(largest, largest)), ground)).toBeGreaterThanOrEqual(
          4.5,
        );
      expect(contrast(over(source, ground, opacityOf(0.05, 0.05)), ground)).toBeLessThan(1.5);
      expect(contrast(source, raised)).toBeGreaterThanOrEqual(4.5); // the letters of its token
    }
  });
});
