--- Small types that everything else uses.

local S = require("komodo.schema.dsl")
local resources = require("komodo.schema.resources")

local targets = { { "System", "string" } }
for _, name in ipairs({ "Swarm", "Server", "Stack", "Deployment", "Build", "Repo", "Procedure", "Action", "Builder", "Alerter",
  "ResourceSync" }) do
  assert(resources[name])
  targets[#targets + 1] = { name, "string" }
end
local resource_target = S.union("ResourceTarget", "One resource of any type; System stands for the engine itself (id `system`).",
  { "type", "id" }, targets)

return {
  S.struct("MongoId", "Id of a stored document.", {
    S.must("$oid", "string", "24 hexadecimal digits."),
  }),
  S.struct("NoData", "An empty object.", {}),
  S.struct("Version", "Version of a build. 0.0.0 means none, or the latest.", {
    S.int("major", 0, "First number."),
    S.int("minor", 0, "Second number."),
    S.int("patch", 0, "Third number; raised by each build."),
  }),
  resource_target,
  S.variants_of("ResourceTargetVariant", "Name of a resource type, or System.", resource_target),
  S.struct("Serror", "An error and what caused it.", {
    S.must("error", "string", "Outermost message."),
    S.must("trace", { "list", "string" }, "Causes, from the outermost to the root."),
  }),
  S.struct("SystemCommand", "A command run on a host; none when `command` is empty.", {
    S.text("path", "", "Working directory, relative to the root of the files."),
    S.file("command", "What to run."),
    S.flag("shell_mode", false, "Give the text to the shell as it is, instead of joining its lines with `&&`."),
  }),
  S.struct("FileContents", "A file by path.", {
    S.must("path", "string", "Where the file is."),
    S.must("contents", "string", "What it holds, or the error met when reading it."),
  }),
  S.alias("ImageDigest", "An image digest, `name@sha256:…`. A bare digest gets the name `__unknown__`.", "digest"),
  S.struct("NameAndId", "Name and id of something.", {
    S.must("name", "string", "Name."),
    S.must("id", "string", "Id."),
  }),
  S.struct("EnvironmentVar", "One `variable = value` pair of an environment or label text.", {
    S.must("variable", "string", "Name."),
    S.must("value", "string", "Value."),
  }),
  S.struct("Conversion", "One `local: container` pair of a ports or volumes text.", {
    S.must("local", "string", "Port or path on the host."),
    S.must("container", "string", "Port or path in the container."),
  }),
  S.enum("MaintenanceScheduleType", "How often a maintenance window comes round.", { "Daily", "Weekly", "OneTime" }),
  S.enum("DayOfWeek", "A weekday.", { "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday" }),
  S.struct("MaintenanceWindow", "A time in which alerts are held back.", {
    S.must("name", "string", "Name shown to people."),
    S.text("description", "", "What happens in it."),
    S.with("schedule_type", "MaintenanceScheduleType", "Daily", "How often it comes round."),
    S.text("day_of_week", "", "Weekday, for Weekly."),
    S.text("date", "", "Day as YYYY-MM-DD, for OneTime."),
    S.uint("hour", 0, "Start hour, 0 to 23."),
    S.uint("minute", 0, "Start minute, 0 to 59."),
    S.must("duration_minutes", "uint", "How long it lasts, in minutes."),
    S.text("timezone", "", "Time zone of the start; empty takes the engine's."),
    S.flag("enabled", true, "Whether it counts."),
  }),
  S.enum("ScheduleFormat", "How a schedule is written.", { "English", "Cron" }),
  S.enum("FileFormat", "How a text of settings is written.", { "key_value", "toml", "yaml", "json" }),
  S.enum("TagQueryBehavior", "Whether all the tags must be there, or one.", { "All", "Any" }),
  S.enum("TemplatesQueryBehavior", "Whether templates are returned.", { "Include", "Exclude", "Only" }),
  S.enum("SearchCombinator", "Whether a line must hold one of the terms, or all.", { "Or", "And" }),
  S.enum("Timelength", "A length of time.", {
    "1-sec", "2-sec", "3-sec", "5-sec", "10-sec", "15-sec", "30-sec",
    "1-min", "2-min", "3-min", "5-min", "10-min", "15-min", "30-min",
    "1-hr", "2-hr", "3-hr", "6-hr", "8-hr", "12-hr",
    "1-day", "2-day", "3-day", "1-wk", "2-wk", "30-day",
  }),
  S.enum("IanaTimezone", "Time zones offered by the user interface; configs accept any IANA name.", {
    "Etc/GMT+12", "Pacific/Pago_Pago", "Pacific/Honolulu", "Pacific/Marquesas", "America/Anchorage", "America/Los_Angeles",
    "America/Denver", "America/Chicago", "America/New_York", "America/Halifax", "America/St_Johns", "America/Sao_Paulo",
    "America/Noronha", "Atlantic/Azores", "Etc/UTC", "Europe/Berlin", "Europe/Bucharest", "Europe/Moscow", "Asia/Tehran", "Asia/Dubai",
    "Asia/Kabul", "Asia/Karachi", "Asia/Kolkata", "Asia/Kathmandu", "Asia/Dhaka", "Asia/Yangon", "Asia/Bangkok", "Asia/Shanghai",
    "Australia/Eucla", "Asia/Tokyo", "Australia/Adelaide", "Australia/Sydney", "Australia/Lord_Howe", "Pacific/Port_Moresby",
    "Pacific/Auckland", "Pacific/Chatham", "Pacific/Tongatapu", "Pacific/Kiritimati",
  }),
}
