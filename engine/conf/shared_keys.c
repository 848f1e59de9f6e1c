/* conf/shared_keys.c: settings that several programs have; see keys.h. */
#include "conf/keys.h"

#include "conf/duration.h"

const struct conf_key conf_logging_keys[] = {
    {.name = "level", .kind = CONF_LEVEL, .dflt = "\"info\"", .doc = "The least serious lines that are written."},
    {.name = "stdio", .kind = CONF_STDIO, .dflt = "\"standard\"",
     .doc = "Form of the lines: readable text, one JSON object a line, or no log at all."},
    {.name = "pretty", .kind = CONF_BOOL, .dflt = "false", .doc = "Several lines per event, easier on the eyes."},
    {.name = "location", .kind = CONF_BOOL, .dflt = "false", .doc = "Name the place in the program that wrote a line."},
    {.name = "ansi", .kind = CONF_BOOL, .dflt = "true", .doc = "Colours."},
    {.name = "timestamps", .kind = CONF_BOOL, .dflt = "true",
     .doc = "Begin lines with the time. Switch off where the service manager adds its own."},
    {.name = "otlp_endpoint", .kind = CONF_TEXT, .dflt = "\"\"", .doc = "OpenTelemetry collector; empty: none."},
    {.name = "opentelemetry_service_name", .kind = CONF_TEXT, .dflt = "\"Komodo\"", .doc = "Name of the service there."},
    {.name = "opentelemetry_scope_name", .kind = CONF_TEXT, .dflt = "\"Komodo\"", .doc = "Name of the scope there."},
    {0},
};

static const struct conf_key account_keys[] = {
    {.name = "username", .kind = CONF_TEXT, .flags = CONF_REQUIRED, .aliases = "account",
     .doc = "Name by which resources choose the account."},
    {.name = "token", .kind = CONF_TEXT, .flags = CONF_SECRET, .dflt = "\"\"", .doc = "Access token or password."},
    {0},
};

const struct conf_key conf_git_keys[] = {
    {.name = "domain", .kind = CONF_TEXT, .dflt = "\"github.com\"", .doc = "Host, with port when it is not the usual."},
    {.name = "https", .kind = CONF_BOOL, .dflt = "true", .doc = "Clone over https; else http."},
    {.name = "accounts", .kind = CONF_TABLES, .flags = CONF_REQUIRED, .aliases = "account", .shape = account_keys,
     .doc = "Who may log in there."},
    {0},
};

const struct conf_key conf_registry_keys[] = {
    {.name = "domain", .kind = CONF_TEXT, .dflt = "\"docker.io\"", .doc = "Host of the registry."},
    {.name = "accounts", .kind = CONF_TABLES, .flags = CONF_REQUIRED, .aliases = "account", .shape = account_keys,
     .doc = "Who may log in there."},
    {.name = "organizations", .kind = CONF_LIST, .dflt = "[]", .aliases = "organization",
     .doc = "Organisations offered when an image is named."},
    {0},
};

const char *const *conf_words(enum conf_kind kind)
{
  static const char *const levels[] = {"trace", "debug", "info", "warn", "error", NULL};
  static const char *const stdios[] = {"standard", "json", "none", NULL};
  static const char *const borders[] = {"Horizontal", "Vertical", "Outside", "Inside", "All", NULL};
  switch (kind) {
  case CONF_LEVEL: return levels;
  case CONF_STDIO: return stdios;
  case CONF_BORDERS: return borders;
  case CONF_DURATION: return duration_names();
  default: return NULL;
  }
}

static const struct conf_definition definitions[] = {
    [CONF_CORE] = {.name = "komodo", .prefix = "KOMODO_", .keys = conf_core_keys,
                   .env_paths = "KOMODO_CONFIG_PATHS,KOMODO_CONFIG_PATH",
                   .env_keywords = "KOMODO_CONFIG_KEYWORDS,KOMODO_CONFIG_KEYWORD",
                   .env_nested = "KOMODO_MERGE_NESTED_CONFIG", .env_extend = "KOMODO_EXTEND_CONFIG_ARRAYS",
                   .default_paths = "/config", .default_keyword = "*config.*", .include_name = ".kcoreinclude",
                   .sample = "core.config.toml",
                   .sample_intro =
                       "Settings of komodo, the engine. Every key with its default; remove the # before a key to change it.\n"
                       "\n"
                       "Read from the files and folders of KOMODO_CONFIG_PATHS (default /config: the files there whose name\n"
                       "matches KOMODO_CONFIG_KEYWORDS, default *config.*). Later files add to and override earlier ones;\n"
                       "a variable overrides all files. In a text, ${NAME} stands for the environment variable NAME.\n"},
    [CONF_AGENT] = {.name = "komodo-agent", .prefix = "PERIPHERY_", .keys = conf_agent_keys,
                    .env_paths = "PERIPHERY_CONFIG_PATHS,PERIPHERY_CONFIG_PATH",
                    .env_keywords = "PERIPHERY_CONFIG_KEYWORDS,PERIPHERY_CONFIG_KEYWORD",
                    .env_nested = "PERIPHERY_MERGE_NESTED_CONFIG", .env_extend = "PERIPHERY_EXTEND_CONFIG_ARRAYS",
                    .default_keyword = "*config.*", .include_name = ".peripheryinclude",
                    .sample = "agent.config.toml",
                    .sample_intro =
                        "Settings of komodo-agent. Every key with its default; remove the # before a key to change it.\n"
                        "\n"
                        "Read from the files and folders given by --config-path or PERIPHERY_CONFIG_PATHS (default: none; of\n"
                        "a folder, the files whose name matches --config-keyword or PERIPHERY_CONFIG_KEYWORDS, default\n"
                        "*config.*). Later files add to and override earlier ones; a variable overrides all files. In a\n"
                        "text, ${NAME} stands for the environment variable NAME.\n"},
    [CONF_CLI] = {.name = "km", .prefix = "KOMODO_CLI_", .keys = conf_cli_keys,
                  .env_paths = "KOMODO_CLI_CONFIG_PATHS,KOMODO_CLI_CONFIG_PATH",
                  .env_keywords = "KOMODO_CLI_CONFIG_KEYWORDS,KOMODO_CLI_CONFIG_KEYWORD",
                  .env_nested = "KOMODO_CLI_MERGE_NESTED_CONFIG", .env_extend = "KOMODO_CLI_EXTEND_CONFIG_ARRAYS",
                  .default_keyword = "*komodo.cli*.*", .include_name = ".kminclude", .sample = "komodo.cli.toml",
                  .sample_intro =
                      "Settings of km, the command line. Every key with its default; remove the # before a key to change it.\n"
                      "\n"
                      "Read from the files and folders given by --config-path or KOMODO_CLI_CONFIG_PATHS (default:\n"
                      "$HOME/.config/komodo, then the working directory; of a folder, the files whose name matches\n"
                      "--config-keyword or KOMODO_CLI_CONFIG_KEYWORDS, default *komodo.cli*.*). Later files add to and\n"
                      "override earlier ones; a variable overrides all files, an option of the command line everything.\n"},
};

const struct conf_definition *conf_definition(enum conf_program program) { return &definitions[program]; }
