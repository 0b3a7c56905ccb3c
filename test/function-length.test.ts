// Functions are short. Those that are not yet are counted, and their number may only fall.
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { functionsOf } from "./support/functions";

/** Lines of each function over 100: an entry may shrink or go; none is added. */
const OVER_100: Record<string, number> = {};
/** Functions of more than 50 lines. */
const OVER_50 = 51;

const root = resolve(import.meta.dirname, "../src");
const all = readdirSync(root, { recursive: true, encoding: "utf8" })
  .filter((file) => /\.tsx?$/.test(file))
  .flatMap((file) =>
    functionsOf(file, readFileSync(join(root, file), "utf8")).map(({ name, lines }) => ({
      name: `${file} ${name}`,
      lines,
    })),
  );

test("no function is over 100 lines but those listed, and these do not grow", () => {
  const over = all.filter(({ lines }) => lines > 100);
  for (const { name, lines } of over)
    expect(lines, `${name}: break it up, it may have ${OVER_100[name] ?? 100} lines`).toBeLessThanOrEqual(
      OVER_100[name] ?? 100,
    );
  const names = over.map(({ name }) => name);
  expect(names, "an entry of the list that is not over 100 lines any more: delete it").toEqual(
    expect.arrayContaining(Object.keys(OVER_100)),
  );
});

test("no more functions over 50 lines than there were", () => {
  const long = all.filter(({ lines }) => lines > 50).toSorted((a, b) => b.lines - a.lines);
  const list = long.map(({ name, lines }) => `${lines} ${name}`).join("\n");
  expect(long.length, `Lower OVER_50 to ${long.length} when it fell. They are:\n${list}`).toBeLessThanOrEqual(
    OVER_50,
  );
});

test("what counts as a function", () => {
  const text =
    "const f = () => {\n  function g() {\n  }\n};\nclass A {\n  m(x: number): number {\n    return x;\n  }\n}\n";
  expect(functionsOf("a.ts", text)).toEqual([
    { name: "f", lines: 4 },
    { name: "g", lines: 2 },
    { name: "m", lines: 3 },
  ]);
});
