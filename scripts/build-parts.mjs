// Writes the npm package `couplet` into dist-parts/: every src/parts/NAME/index.ts is an entry `couplet/NAME`, with its types.
//   npm run build:parts
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { build } from "vite";

const root = resolve(import.meta.dirname, "..");
const out = join(root, "dist-parts");
const manifest = JSON.parse(readFileSync(join(root, "src/parts/package.json"), "utf8"));
const names = readdirSync(join(root, "src/parts"), { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? [entry.name] : [],
);

/** Shaders as they run: comments and indentation are for those who read src. */
const shaders = {
  name: "bare-wgsl",
  enforce: "pre",
  load(id) {
    if (!id.endsWith(".wgsl?raw")) return null;
    const code = readFileSync(id.replace("?raw", ""), "utf8");
    return `export default ${JSON.stringify(code.replace(/\/\/.*$/gm, "").replace(/^\s+|\s+$/gm, ""))};`;
  },
};

/** @param output where and how the files are called, beside what all have in common. */
function options(entry, output) {
  return {
    root,
    configFile: false,
    logLevel: "warn",
    plugins: [shaders],
    build: {
      target: "es2023",
      outDir: out,
      emptyOutDir: false,
      copyPublicDir: false,
      lib: { entry, formats: ["es"] },
      rollupOptions: {
        external: Object.keys(manifest.dependencies),
        treeshake: { moduleSideEffects: false },
        output: { minify: true, ...output },
      },
    },
  };
}

async function bundle() {
  const entries = names.map((name) => [name, join(root, `src/parts/${name}/index.ts`)]);
  await build(options(Object.fromEntries(entries), { chunkFileNames: "chunks/[name]-[hash].js" }));
  // A notebook takes one file that imports nothing.
  const widget = { couplet_figure: join(root, "src/parts/figure/widget.ts") };
  await build(options(widget, { entryFileNames: "python/[name].js" }));
}

/** Declarations by tsc: those that an entry reaches, with the file names that Node's resolution asks for. */
function declare() {
  execFileSync(
    process.execPath,
    [join(root, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.parts.json"],
    {
      cwd: root,
      stdio: "inherit",
    },
  );
  const types = join(out, "types");
  const wanted = names.map((name) => join(types, `parts/${name}/index.d.ts`));
  const seen = new Set();
  for (let file = wanted.pop(); file !== undefined; file = wanted.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    const text = readFileSync(file, "utf8").replaceAll(/(from |import\()"(\.[^"]*)"/g, (_, how, path) => {
      const target = resolve(dirname(file), path);
      const found = [`${target}.d.ts`, join(target, "index.d.ts")].find((candidate) => existsSync(candidate));
      if (!found) throw new Error(`${relative(root, file)} names ${path}, which has no types`);
      wanted.push(found);
      const named = relative(dirname(file), found)
        .replaceAll("\\", "/")
        .replace(/\.d\.ts$/, ".js");
      return `${how}"${named.startsWith(".") ? named : `./${named}`}"`;
    });
    writeFileSync(file, text);
  }
  for (const file of readdirSync(types, { recursive: true }))
    if (file.endsWith(".d.ts") && !seen.has(join(types, file))) rmSync(join(types, file));
}

/** The changelog's section of the parts. */
function changelog() {
  const text = readFileSync(join(root, "CHANGELOG.md"), "utf8");
  const [, section] = /^## The npm package\n([\s\S]*?)(?=^## |$(?![\s\S]))/m.exec(text) ?? [];
  if (!section) throw new Error('CHANGELOG.md has no section "The npm package"');
  return `# Changelog of the npm package couplet\n${section}`;
}

rmSync(out, { recursive: true, force: true });
mkdirSync(out);
await bundle();
declare();
cpSync(join(root, "src/parts/package.json"), join(out, "package.json"));
cpSync(join(root, "src/parts/figure/couplet_figure.py"), join(out, "python/couplet_figure.py"));
cpSync(join(root, "LICENSE"), join(out, "LICENSE"));
cpSync(join(root, "docs/parts"), join(out, "docs/parts"), { recursive: true });
cpSync(join(root, "docs/parts/README.md"), join(out, "README.md"));
rmSync(join(out, "docs/parts/README.md"));
writeFileSync(join(out, "CHANGELOG.md"), changelog());
console.log(
  `dist-parts: couplet ${manifest.version} with ${names.map((name) => `couplet/${name}`).join(", ")}`,
);
