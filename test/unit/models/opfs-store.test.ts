// the private file system when it refuses — plan (fakes of the browser's storage)
//   denied   every call says that the browser keeps no files, and what to do
//   full     a write that throws, and one that takes only a part, say that the storage is full; what came is counted
import { expect, test } from "vitest";
import { opfsStore } from "../../../src/models";

test("storage denied", async () => {
  const storage = { getDirectory: async () => Promise.reject(new DOMException("no", "SecurityError")) };
  const store = opfsStore("x", storage as unknown as StorageManager);
  await expect(store.list()).rejects.toThrow(/keeps no files for this page.*private window.*bundled models/);
  await expect(store.append("a", "b", 0)).rejects.toThrow(/keeps no files/);
});

const quota = (room: number, throws: boolean): StorageManager => {
  let used = 0;
  const access = {
    write(bytes: Uint8Array, { at }: { at: number }) {
      const fits = Math.min(bytes.length, room - at);
      if (fits < bytes.length && throws) throw new DOMException("full", "QuotaExceededError");
      used = at + fits;
      return fits;
    },
    truncate: () => undefined,
    flush: () => undefined,
    close: () => undefined,
  };
  const file = { createSyncAccessHandle: async () => access, getFile: async () => ({ size: used }) };
  const folder = { getFileHandle: async () => file };
  const root = { getDirectoryHandle: async () => folder };
  const origin = { getDirectoryHandle: async () => root };
  return { getDirectory: async () => origin } as unknown as StorageManager;
};

test.each([true, false])("storage full, throws: %s", async (throws) => {
  const store = opfsStore("x", quota(1500, throws));
  const writer = await store.append("a", "b", 0);
  await writer.write(new Uint8Array(1000));
  await expect(writer.write(new Uint8Array(1000))).rejects.toThrow(
    /storage for this page is full.*delete a model/s,
  );
  await writer.close(false);
});
