// Which test files may run two at a time: those that neither open a GPU nor draw in software nor start the command line,
// which want the cores to themselves.
import { existsSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";

const IMPORTS = /(?:from|import)\s*\(?\s*["']([^"']+)["']/g;
/** Named in a test, as it starts them: the command line, or a browser that draws in software. */
const STARTED = /["'][^"']*(?:couplet|run-ts)\.mjs["']|SWIFTSHADER|openSourcePage/;

interface Facts {
  readonly alone: boolean;
  readonly imports: readonly string[];
}
const known = new Map<string, Facts>();

function factsOf(file: string): Facts {
  const text = readFileSync(file, "utf8");
  const names = [...text.matchAll(IMPORTS)].map(([, name = ""]) => name);
  const imports = names
    .filter((name) => name.startsWith("."))
    .flatMap((name) => {
      const path = resolve(dirname(file), name.replace(/\?.*$/, ""));
      const places = [path, `${path}.ts`, `${path}.tsx`, `${path}/index.ts`];
      return places.find((place) => /\.tsx?$/.test(place) && existsSync(place)) ?? [];
    });
  const starts = file.endsWith(".test.ts") && STARTED.test(text);
  return { alone: starts || names.includes("webgpu"), imports };
}

/** Whether a test file, or anything that it imports, needs the cores to itself. */
export function runsAlone(file: string, seen = new Set<string>()): boolean {
  if (seen.has(file)) return false;
  seen.add(file);
  const facts = known.get(file) ?? factsOf(file);
  known.set(file, facts);
  return facts.alone || facts.imports.some((path) => runsAlone(path, seen));
}
