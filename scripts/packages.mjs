// `npm ci`, but only when package-lock.json differs from what is installed.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export function ensurePackages(root) {
  const stamp = join(root, "node_modules/.couplet-lock");
  const lock = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lock) return;
  console.log("Installing packages …");
  const done = spawnSync("npm", ["ci", "--loglevel=error"], { cwd: root, stdio: "inherit" });
  if (done.status !== 0)
    throw new Error("npm ci failed: the npm registry must be reachable for the first run");
  writeFileSync(stamp, lock);
}
