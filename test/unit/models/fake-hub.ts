// A model host on localhost with Hugging Face's addresses, and the ways in which hosts fail.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type Trouble =
  | "none"
  /** The connection ends after 1000 bytes; the next request is served. */
  | "cut"
  /** Ranges are ignored: 200 and the whole file. */
  | "no-ranges"
  /** A range that begins elsewhere. */
  | "wrong-range"
  /** The body is shorter than content-length said, once. */
  | "short"
  /** content-length differs from the listing. */
  | "changed"
  /** One chunk, then silence. */
  | "silent"
  /** 302 to another path, as large files do. */
  | "redirect"
  /** A little at a time. */
  | "slow"
  | "private"
  | "busy";

export interface FakeHub {
  readonly host: string;
  /** "METHOD path range", in order. */
  readonly asked: string[];
  trouble: Trouble;
  close(): Promise<void>;
}

export async function fakeHub(id: string, files: ReadonlyMap<string, Uint8Array>): Promise<FakeHub> {
  const hub = { asked: [] as string[], trouble: "none" as Trouble };
  let served = 0;

  function send(request: IncomingMessage, response: ServerResponse, bytes: Uint8Array): void {
    const { trouble } = hub;
    const [, from = "0"] = /^bytes=(\d+)-/.exec(request.headers.range ?? "") ?? [];
    const ranged = request.headers.range !== undefined && trouble !== "no-ranges";
    const start = ranged ? Number(from) : 0;
    if (start > bytes.length) return void response.writeHead(416).end();
    const body = bytes.subarray(trouble === "wrong-range" && ranged ? 0 : start);
    const length = body.length + (trouble === "changed" ? 5 : 0);
    const range = {
      "content-range": `bytes ${trouble === "wrong-range" ? 0 : start}-${bytes.length - 1}/${bytes.length}`,
    };
    response.writeHead(ranged ? 206 : 200, {
      "content-type": "application/octet-stream",
      ...(trouble === "short" ? {} : { "content-length": length }),
      ...(ranged && range),
    });
    if (request.method === "HEAD") return void response.end();
    if (trouble === "cut" && body.length > 1000 && served++ === 0) {
      response.write(body.subarray(0, 1000), () => setTimeout(() => response.destroy(), 20));
    } else if (trouble === "short" && served++ === 0) response.end(body.subarray(0, 1000));
    else if (trouble === "silent") response.write(body.subarray(0, 1000));
    else if (trouble === "slow") void drip(response, body);
    else response.end(body);
  }

  const server = createServer((request, response) => {
    const url = decodeURIComponent(request.url ?? "");
    // A page of another origin asks: the headers that the real host sends to it.
    response.setHeader("access-control-allow-origin", "*");
    response.setHeader("access-control-allow-headers", "range");
    response.setHeader("access-control-expose-headers", "content-range, content-length, etag");
    if (request.method === "OPTIONS") return void response.writeHead(204).end();
    hub.asked.push(`${request.method} ${url} ${request.headers.range ?? ""}`.trim());
    if (hub.trouble === "private") return void response.writeHead(401).end();
    if (hub.trouble === "busy") return void response.writeHead(429).end();
    if (url.startsWith(`/api/models/${id}/revision/main`)) {
      const siblings = [...files].map(([path, { length }]) => ({ rfilename: path, size: length }));
      return void response.end(JSON.stringify({ id, sha: "c0ffee", siblings }));
    }
    const path = url.replace(new RegExp(`^/${id}/resolve/(main|c0ffee)/`), "").replace(/^\/cdn\//, "");
    const bytes = files.get(path);
    if (!bytes || url.startsWith("/api")) return void response.writeHead(404).end("Entry not found");
    if (hub.trouble === "redirect" && !url.startsWith("/cdn/"))
      return void response.writeHead(302, { location: `/cdn/${path}` }).end();
    send(request, response, bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(hub, {
    host: `http://127.0.0.1:${port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

async function drip(response: ServerResponse, body: Uint8Array): Promise<void> {
  for (let at = 0; at < body.length && !response.destroyed; at += 2000) {
    response.write(body.subarray(at, at + 2000));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  response.end();
}
