// What to do about a missing GPU, for the browser at hand.
import type { NoGpuReason } from "../../store";

export type Browser = "chromium" | "firefox" | "safari" | "other";
type System = "linux" | "mac" | "windows" | "android" | "ios" | "other";

export interface Visitor {
  readonly browser: Browser;
  readonly system: System;
}

export function visitorOf(userAgent: string): Visitor {
  return { browser: browserOf(userAgent), system: systemOf(userAgent) };
}

function browserOf(ua: string): Browser {
  if (/Firefox\/|FxiOS\//.test(ua)) return "firefox";
  if (/Chrom(e|ium)\/|CriOS\/|Edg\//.test(ua)) return "chromium";
  return /Safari\//.test(ua) ? "safari" : "other";
}

function systemOf(ua: string): System {
  if (/Android/.test(ua)) return "android";
  if (/iPhone|iPad/.test(ua)) return "ios";
  if (/Mac OS X/.test(ua)) return "mac";
  if (/Windows/.test(ua)) return "windows";
  return /Linux|CrOS/.test(ua) ? "linux" : "other";
}

const ENABLE: Readonly<Record<Browser, string>> = {
  chromium: "Update to Chrome or Edge 113 or later; on Android, to 121 or later.",
  firefox:
    "Update to Firefox 141 or later on Windows, or 145 on macOS; elsewhere open about:config and set dom.webgpu.enabled to true.",
  safari: "Update to Safari 26 or later (macOS 26, iOS 26). Older versions keep WebGPU off.",
  other: "Open the page in a current Chrome, Edge, Firefox or Safari.",
};

export function remedyFor(reason: NoGpuReason, { browser, system }: Visitor): string {
  switch (reason) {
    case "insecure-context":
      return "Open the page over https://, or from http://localhost on this machine. An address such as http://192.168… does not count as secure.";
    case "no-webgpu":
      return ENABLE[browser];
    case "no-adapter":
      return noAdapter(browser, system);
    case "no-device":
      return "Close other tabs that use the GPU, reload, and update the graphics driver if it happens again.";
  }
}

function noAdapter(browser: Browser, system: System): string {
  if (browser === "chromium" && system === "linux")
    return "On Linux, start the browser with --enable-unsafe-webgpu --enable-features=Vulkan, and see chrome://gpu for why an adapter is blocked. Without a GPU, --use-webgpu-adapter=swiftshader computes on the CPU.";
  if (browser === "chromium")
    return "Turn on “Use graphics acceleration when available” in the browser's system settings, restart it, and see chrome://gpu for why an adapter is blocked.";
  return "Turn on hardware acceleration in the browser's settings, restart it, and update the graphics driver.";
}
