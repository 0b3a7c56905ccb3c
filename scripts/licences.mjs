// Which packages the built page and the command line are made of, and their licences: the table in docs/LICENCES.md.
//   node scripts/licences.mjs          write it
//   node scripts/licences.mjs --check  exit 1 when it is not what is installed
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const file = join(root, "docs/LICENCES.md");
const json = (path) => JSON.parse(readFileSync(path, "utf8"));

/** valibot names TypeScript as an optional peer, for its types alone. */
const COMPILER = /node_modules\/(@typescript\/|typescript$)/;

/** Name, version, licence of every package that production needs, as package-lock.json has them. */
export function productionPackages() {
  const { packages } = json(join(root, "package-lock.json"));
  return Object.entries(packages)
    .filter(([path, { dev, devOptional }]) => path !== "" && !dev && !devOptional && !COMPILER.test(path))
    .map(([path, { version, license, optional = false }]) => ({
      name: path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length),
      version,
      license: license ?? installedLicence(path),
      optional,
    }))
    .toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.version < b.version ? -1 : 1));
}

function installedLicence(path) {
  const manifest = join(root, path, "package.json");
  if (!existsSync(manifest)) return "not stated";
  return (
    json(manifest).license ??
    (readdirSync(join(root, path)).some((f) => /^licen[cs]e/i.test(f)) ? "see its file" : "not stated")
  );
}

export function licenceTable() {
  const rows = productionPackages().map(
    ({ name, version, license, optional }) =>
      `| ${name} | ${version} | ${license} | ${optional ? "where the platform needs it" : ""} |`,
  );
  return ["| package | version | licence | installed |", "|---|---|---|---|", ...rows].join("\n");
}

const BEGIN = "<!-- packages -->";
const END = "<!-- /packages -->";

if (process.argv[1] && resolve(process.argv[1]) === import.meta.filename) {
  const text = readFileSync(file, "utf8");
  const made = `${text.slice(0, text.indexOf(BEGIN) + BEGIN.length)}\n${licenceTable()}\n${text.slice(text.indexOf(END))}`;
  if (!process.argv.includes("--check")) writeFileSync(file, made);
  else if (made !== text) {
    console.error("docs/LICENCES.md is not what package-lock.json says. Run: node scripts/licences.mjs");
    process.exit(1);
  }
}
