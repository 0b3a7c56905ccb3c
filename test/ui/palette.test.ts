// colours — plan
//   tokens.css and palette.ts hold the same values in both themes
//   text ≥ 4.5:1 on ground and raised ground; marks and control borders ≥ 3:1; changed words stay readable
//   cividis: 256 colours, lightness rising from end to end
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { CIVIDIS, contrast, luminance, PALETTES, type Scheme } from "../../src/figure";

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

describe("cividis", () => {
  const hex = (i: number) =>
    `#${[0, 1, 2].map((c) => CIVIDIS[i * 3 + c]!.toString(16).padStart(2, "0")).join("")}`;
  test("256 colours whose lightness never falls, and rises within four", () => {
    expect(CIVIDIS).toHaveLength(256 * 3);
    const lightness = Array.from({ length: 256 }, (_, i) => luminance(hex(i)));
    for (let i = 1; i < 256; i++)
      expect(lightness[i]!, `colour ${i}`).toBeGreaterThanOrEqual(lightness[i - 1]!);
    for (let i = 4; i < 256; i++) expect(lightness[i]!, `colour ${i}`).toBeGreaterThan(lightness[i - 4]!);
  });
  test("ends where it should", () => {
    expect(hex(0)).toBe("#002051");
    expect(hex(255)).toBe("#fdea45");
  });
});
