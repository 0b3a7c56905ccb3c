// The page's Content-Security-Policy. The built page carries it in a <meta> (any static host will do); a host that can
// send headers sends `policy("worker")` with every file, so that the workers are held to it as well: docs/SECURITY.md.
import { createHash } from "node:crypto";
import type { Plugin } from "vite";

/** The page asks only its own origin. Models are fetched by a worker, from the https host that a person named. */
const SOURCES = {
  page: { script: "'self'", connect: "'self' blob:" },
  worker: {
    script: "'self' 'wasm-unsafe-eval'",
    connect: "'self' blob: https: http://localhost:* http://127.0.0.1:*",
  },
} as const;

/** @param inline the page's inline scripts, which are allowed by their hashes. */
export function policy(of: keyof typeof SOURCES, inline: readonly string[]): string {
  const { script, connect } = SOURCES[of];
  const hashes = inline
    .map((text) => ` 'sha256-${createHash("sha256").update(text).digest("base64")}'`)
    .join("");
  return [
    "default-src 'none'",
    `script-src ${script}${hashes}`,
    "worker-src 'self'",
    "style-src 'self' 'unsafe-inline'", // lengths of bars and columns are style attributes
    "img-src 'self' blob: data:",
    "font-src 'self'",
    `connect-src ${connect}`,
    "manifest-src 'self'",
    "frame-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
}

const INLINE = /<script>([\s\S]*?)<\/script>/g;

export const inlineScripts = (html: string): string[] =>
  [...html.matchAll(INLINE)].map(([, text = ""]) => text);

/** Puts the policy into the built page; the development server needs inline modules and has none. */
export function contentSecurityPolicy(): Plugin {
  return {
    name: "couplet-content-security-policy",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      handler: (html) => {
        const content = policy("page", inlineScripts(html));
        return [
          {
            tag: "meta",
            attrs: { "http-equiv": "Content-Security-Policy", content },
            injectTo: "head-prepend",
          },
        ];
      },
    },
  };
}
