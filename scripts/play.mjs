// One command from a fresh clone to the playground: install, build, serve, print the address.
//   npm start                 http://localhost:4173
//   npm start -- --port 8080
import { resolve } from "node:path";
import { ensurePackages } from "./packages.mjs";

const root = resolve(import.meta.dirname, "..");
ensurePackages(root);
const { build, preview } = await import("vite");
await build({ root, logLevel: "warn" });
const at = process.argv.indexOf("--port");
const port = at < 0 ? 4173 : Number(process.argv[at + 1]);
const server = await preview({ root, preview: { port } });
server.printUrls();
