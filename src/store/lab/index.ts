export * from "./alignments";
export * from "./lab";
export * from "./masses";
export * from "./sweeps";
