// What an alert says, in one line.
import type { Alert } from "$generated/types";
import { gigabytes, percent, version } from "./numbers";
import { words } from "./names";

export function alertText(alert: Alert): string {
  const { type, data } = alert.data as { type: string; data: Record<string, unknown> };
  const text = (key: string): string => String(data?.[key] ?? "");
  const number = (key: string): number => Number(data?.[key] ?? 0);
  const state = (key: string): string => text(key).toLowerCase().replace(/_/g, " ");
  switch (type) {
    case "ServerUnreachable": return "cannot be reached";
    case "ServerCpu": return `CPU at ${percent(number("percentage"))}`;
    case "ServerMem": return `memory at ${percent((100 * number("used_gb")) / (number("total_gb") || 1))}, ${gigabytes(number("used_gb"))} of ${gigabytes(number("total_gb"))}`;
    case "ServerDisk": return `disk ${text("path")} at ${percent((100 * number("used_gb")) / (number("total_gb") || 1))}, ${gigabytes(number("used_gb"))} of ${gigabytes(number("total_gb"))}`;
    case "ServerVersionMismatch": return `its agent is ${text("server_version")}, the engine ${text("core_version")}`;
    case "ContainerStateChange": case "StackStateChange": return `${state("from")} → ${state("to")}`;
    case "DeploymentImageUpdateAvailable": return `a newer ${text("image")} exists`;
    case "StackImageUpdateAvailable": return `a newer ${text("image")} exists for ${text("service")}`;
    case "BuildFailed": return `build ${version(data["version"] as { major: number; minor: number; patch: number })} failed`;
    case "Custom": return text("message");
    case "ScheduleRun": return "was started by its schedule";
    default: return words(type).toLowerCase();
  }
}

export const levelShape = (alert: Alert): "ok" | "warn" | "bad" | "off" =>
  alert.resolved ? "off" : alert.level === "CRITICAL" ? "bad" : alert.level === "WARNING" ? "warn" : "ok";
