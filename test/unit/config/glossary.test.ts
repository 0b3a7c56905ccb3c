// the glossary — plan
//   docs/GLOSSARY.md is made from it (COUPLET_DOCS=1 writes it); where it points exists, sections and headings included
//   each term is explained in one or two sentences, and once
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { GLOSSARY, type GlossaryEntry, glossaryPage } from "../../../src/config/glossary";

const top = resolve(import.meta.dirname, "../../..");
const page = join(top, "docs/GLOSSARY.md");
const entries = Object.entries<GlossaryEntry>(GLOSSARY);

test("docs/GLOSSARY.md is this list", () => {
  if (process.env["COUPLET_DOCS"] === "1") writeFileSync(page, glossaryPage());
  expect(readFileSync(page, "utf8")).toBe(glossaryPage());
});

test.each(entries)("%s", (_, { meaning, see }) => {
  const [path = "", section] = see.split(" ");
  expect(existsSync(join(top, path)), path).toBe(true);
  if (section) expect(readFileSync(join(top, path), "utf8")).toContain(`## ${section}`);
  expect(meaning).toMatch(/\.$/);
  expect(meaning.length).toBeLessThan(240);
});

test("terms differ", () => {
  expect(new Set(entries.map(([, { term }]) => term.toLowerCase())).size).toBe(entries.length);
});
