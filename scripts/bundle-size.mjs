// The shell's weight: what the page loads before any model, gzipped. transformers.js and ORT load in the worker.
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";

const LIMIT_KB = 300;
const dist = resolve(import.meta.dirname, "../dist");
const html = readFileSync(join(dist, "index.html"), "utf8");
const files = [...html.matchAll(/(?:src|href)="\.\/(assets\/[^"]+\.(?:js|css))"/g)].map(([, file]) => file);
const kb = (bytes) => gzipSync(bytes).length / 1000;
const total = files.reduce((sum, file) => sum + kb(readFileSync(join(dist, file))), kb(html));
console.log(`shell: ${total.toFixed(1)} kB gzip in ${files.length} files (limit ${LIMIT_KB} kB)`);
process.exit(files.length > 0 && total <= LIMIT_KB ? 0 : 1);
