// What the page was built from; the build puts it in, and elsewhere, as under test, nothing is known.
declare const __VERSIONS__: Readonly<Record<string, string>> | undefined;

export const VERSIONS: Readonly<Record<string, string>> =
  typeof __VERSIONS__ === "undefined" ? {} : __VERSIONS__;
