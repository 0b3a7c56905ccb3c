export * from "./alignments";
export * from "./screen";
export * from "./masses";
export * from "./sweeps";
