--- Fields that several configs share, so that name, default and meaning are written once. Each call makes a fresh field.

local S = require("komodo.schema.dsl")

local M = {}

function M.links()
  return S.strlist("links", "Quick links shown at the top of the resource.")
end

function M.linked_repo()
  return S.text("linked_repo", "", "Repo whose source is used; wins over the git fields of this resource.")
end

function M.git_provider()
  return S.text("git_provider", "github.com", "Domain of the git provider.")
end

function M.git_https()
  return S.flag("git_https", true, "Clone over https; http when false.")
end

function M.git_account()
  return S.text("git_account", "", "Account for private repositories; empty reads public ones only.")
end

function M.repo()
  return S.text("repo", "", "Repository to read, as `owner/name`.")
end

function M.branch()
  return S.text("branch", "main", "Branch to check out.")
end

function M.commit()
  return S.text("commit", "", "Commit to pin; empty takes the newest of the branch.")
end

function M.files_on_host()
  return S.flag("files_on_host", false, "Read the files from the host's disk instead of git or the config.")
end

function M.skip_secret_interp()
  return S.flag("skip_secret_interp", false, "Leave `[[NAME]]` of variables and secrets as written.")
end

function M.webhook_enabled()
  return S.flag("webhook_enabled", true, "Act on incoming webhooks.")
end

function M.webhook_secret()
  return S.text("webhook_secret", "", "Secret that webhooks must carry; empty takes the engine's.")
end

function M.maintenance_windows()
  return S.list("maintenance_windows", "MaintenanceWindow", "Times in which alerts are held back.")
end

--- Schedule, alert and webhook fields of Procedures and Actions, in their common order.
function M.runs()
  return {
    S.with("schedule_format", "ScheduleFormat", "English", "How `schedule` is written."),
    S.text("schedule", "", "When to run: a cron line of six fields, or English such as `every day at 03:00`. Empty: never."),
    S.flag("schedule_enabled", true, "Follow the schedule; false pauses it."),
    S.text("schedule_timezone", "", "Time zone of the schedule; empty takes the engine's."),
    S.ours(S.with("schedule_missed", "MissedSchedule", "skip",
      "Runs that were due while the engine was off: `run` makes up for them, once, after the start.")),
    S.flag("schedule_alert", true, "Send an alert whenever the schedule starts a run."),
    S.flag("failure_alert", true, "Send an alert when a run fails."),
    M.webhook_enabled(),
    M.webhook_secret(),
  }
end

--- `page` and `limit` of list requests.
function M.paging()
  return {
    S.uint("page", 0, "Page to return, counted from 0."),
    S.opt("limit", "uint", "Items per page; absent takes the engine's default, 0 is unlimited."),
  }
end

--- `sort_by` and `sort_desc` of list requests; `keys` is the enum of keys.
function M.sorting(keys)
  return {
    S.with("sort_by", keys, "Name", "What to sort by."),
    S.flag("sort_desc", false, "Reverse the order."),
  }
end

--- One list of the given fields and lists of fields.
function M.join(...)
  local joined = {}
  for _, part in ipairs({ ... }) do
    if part.name then
      joined[#joined + 1] = part
    else
      for _, field in ipairs(part) do
        joined[#joined + 1] = field
      end
    end
  end
  return joined
end

return M
