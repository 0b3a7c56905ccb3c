// React's door to the store. Components select what they draw; actions come from the app itself.
import { createContext, useContext } from "react";
import { useStore } from "zustand";
import { useShallow } from "zustand/react/shallow";
import type { Actions, App, AppState } from "../store";

const AppContext = createContext<App | undefined>(undefined);
export const AppProvider = AppContext.Provider;

export function useAppParts(): App {
  const app = useContext(AppContext);
  if (!app) throw new Error("A view was mounted outside AppProvider.");
  return app;
}

/** Select from the state; objects are compared one level deep. */
export function useApp<T>(select: (state: AppState) => T): T {
  return useStore(useAppParts().store, useShallow(select));
}

export const useActions = (): Actions => useAppParts().actions;
