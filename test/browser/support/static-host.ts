// A plain static host, as a person would put the built page on: no headers but the type, one folder, any sub-path.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};

export interface StaticHost {
  readonly port: number;
  /** Paths that were asked for and are not there. */
  readonly missing: readonly string[];
  close(): Promise<void>;
}

/** Serves `folder` under `at`, such as "/lab/couplet/". */
export async function serveStatic(folder: string, at = "/"): Promise<StaticHost> {
  const missing: string[] = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? "/", "http://host").pathname);
    const file = path.startsWith(at) ? normalize(path.slice(at.length)) : "..";
    const named = file === "." || file.endsWith("/") ? join(file, "index.html") : file;
    const found = named.startsWith("..")
      ? Promise.reject(new Error("outside"))
      : readFile(join(folder, named));
    found.then(
      (body) =>
        response
          .writeHead(200, { "content-type": TYPES[extname(named)] ?? "application/octet-stream" })
          .end(body),
      () => {
        missing.push(path);
        response.writeHead(404).end();
      },
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bound = server.address();
  if (!bound || typeof bound === "string") throw new Error("The static host has no port.");
  return {
    port: bound.port,
    missing,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
