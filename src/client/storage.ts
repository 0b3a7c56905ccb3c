// The browser's promise to keep what is stored. Only a page can ask for it, a worker cannot.

/** Whether the browser promised to keep it; undefined where it does not say. */
export const modelsKept = (): Promise<boolean | undefined> =>
  Promise.resolve(globalThis.navigator?.storage?.persisted?.()).catch(() => undefined);

/** Asks the browser to keep the models when room gets scarce; it may ask the reader, or say no. */
export const keepModels = (): Promise<boolean> => navigator.storage.persist();
