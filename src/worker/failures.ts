// Errors as the page shows them: what happened, why, what to do.
import { messageOf } from "../base/errors";
import { ConfigError } from "../config/run";
import { DataError } from "../data";
import { ModelError } from "../models";
import { RunError } from "../trainer/failure";
import type { Failure } from "./failure";

export function toFailure(error: unknown): Failure {
  if (error instanceof RunError) {
    const { code, what, why, remedy } = error;
    return { code, what, why, remedy };
  }
  const why = messageOf(error);
  const offline = error instanceof TypeError ? /fetch|network/i : /could not be fetched/;
  if (offline.test(why))
    return {
      code: "offline",
      what: "A file of this page could not be fetched.",
      why: `${why}. You are offline, or the page's host does not respond.`,
      remedy:
        "Check your connection and start again. After one complete visit the page and the bundled models work offline.",
    };
  if (error instanceof ModelError)
    return {
      code: `model-${error.code}`,
      what: "A model could not be loaded.",
      why,
      remedy: "Check the files named in the message, or choose another model.",
    };
  if (error instanceof DataError)
    return {
      code: "data",
      what: "The data cannot be used.",
      why,
      remedy: "Fix the rows named in the message, or choose other data.",
    };
  if (error instanceof ConfigError)
    return {
      code: "config",
      what: "The run's settings are invalid.",
      why,
      remedy: "Change the named settings.",
    };
  if (/memory/i.test(why))
    return {
      code: "out-of-memory",
      what: "The run does not fit into GPU memory.",
      why,
      remedy: "Lower the batch size or the maximum length, and load again.",
    };
  return {
    code: "unexpected",
    what: "Something went wrong in the engine.",
    why,
    remedy: "Reset the run. If it happens again, report it with the run's config and this message.",
  };
}
