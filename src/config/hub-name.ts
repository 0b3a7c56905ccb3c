// The name of a model on a hub, as people write it: owner/name, hub:owner/name, owner/name@revision.

export interface HubName {
  /** owner/name. */
  readonly id: string;
  /** A branch, tag or commit; absent where none was given. */
  readonly revision?: string;
}

/** Undefined for what is no such name. */
export function parseHubName(text: string): HubName | undefined {
  const [, id, revision] = /^(?:hub:)?([\w.-]+\/[\w.-]+)(?:@([\w./-]+))?$/.exec(text.trim()) ?? [];
  return id === undefined ? undefined : { id, ...(revision !== undefined && { revision }) };
}
