/* conf/cli_keys.c: the settings of km, top level and profiles (spec auth.md 3.8, cli.md 2); see keys.h. */
#include "conf/keys.h"

#define DATABASE_KEYS(file_env)                                                                                        \
  {                                                                                                                    \
    {.name = "uri", .kind = CONF_TEXT, .flags = CONF_SECRET | (file_env), .dflt = "\"\"",                              \
     .doc = "Complete connection string; wins over the parts below."},                                                 \
    {.name = "address", .kind = CONF_TEXT, .dflt = "\"localhost:27017\"", .doc = "Host and port."},                    \
    {.name = "username", .kind = CONF_TEXT, .flags = CONF_SECRET | (file_env), .dflt = "\"\"", .doc = "Who logs in."}, \
    {.name = "password", .kind = CONF_TEXT, .flags = CONF_SECRET | (file_env), .dflt = "\"\"",                         \
     .doc = "Used only together with username."},                                                                      \
    {.name = "app_name", .kind = CONF_TEXT, .flags = CONF_NO_ENV, .dflt = "\"komodo_core\"",                           \
     .doc = "How the client calls itself."},                                                                           \
    {.name = "db_name", .kind = CONF_TEXT, .dflt = "\"komodo\"", .doc = "Name of the database."}, {0},                 \
  }

static const struct conf_key database_keys[] = DATABASE_KEYS(CONF_FILE_ENV);
static const struct conf_key target_keys[] = DATABASE_KEYS(0);

#define PROFILE_KEYS                                                                                                   \
  {.name = "config_profile", .kind = CONF_TEXT, .flags = CONF_NO_ENV, .dflt = "\"\"", .aliases = "name",               \
   .doc = "Name of the profile, for --profile."},                                                                      \
  {.name = "config_aliases", .kind = CONF_TEXT_LIST, .flags = CONF_NO_ENV | CONF_SPARSE, .dflt = "[]",                 \
   .aliases = "aliases,alias", .doc = "Other names of the profile."},                                                  \
  {.name = "host", .kind = CONF_TEXT, .flags = CONF_SPARSE, .dflt = "\"\"", .env = "HOST>=KOMODO_HOST",                \
   .doc = "Address of the engine."},                                                                                   \
  {.name = "cli_key", .kind = CONF_TEXT, .flags = CONF_OPTIONAL | CONF_SECRET | CONF_SPARSE, .aliases = "key",         \
   .env = "KEY", .doc = "API key."},                                                                                   \
  {.name = "cli_secret", .kind = CONF_TEXT, .flags = CONF_OPTIONAL | CONF_SECRET | CONF_SPARSE, .aliases = "secret",   \
   .env = "SECRET", .doc = "API secret."},                                                                             \
  {.name = "table_borders", .kind = CONF_BORDERS, .flags = CONF_OPTIONAL | CONF_SPARSE,                                \
   .example = "\"Horizontal\"", .doc = "Lines in tables. Unset: Horizontal."},                                         \
  {.name = "backups_folder", .kind = CONF_TEXT, .dflt = "\"/backups\"", .doc = "Where database backups lie."},         \
  {.name = "max_backups", .kind = CONF_U16, .dflt = "14", .doc = "Older ones are removed; 0 keeps all."},              \
  {.name = "database", .kind = CONF_TABLE, .flags = CONF_SPARSE, .aliases = "mongo",                                   \
   .prefixes = "KOMODO_DATABASE_,KOMODO_MONGO_", .shape = database_keys, .absent = "{\"app_name\":\"komodo_cli\"}",    \
   .doc = "Database of the engine, for backups and copies."},                                                          \
  {.name = "database_target", .kind = CONF_TABLE, .flags = CONF_SPARSE, .aliases = "database_copy",                    \
   .prefixes = "KOMODO_CLI_DATABASE_TARGET_,KOMODO_CLI_DATABASE_COPY_", .shape = target_keys,                          \
   .absent = "{\"app_name\":\"komodo_cli\"}", .doc = "Database that a restore or a copy writes to."},                  \
  {.name = "cli_logging", .kind = CONF_TABLE, .flags = CONF_SPARSE, .prefixes = "KOMODO_CLI_LOGGING_",                 \
   .shape = conf_logging_keys, .doc = "What is logged and how; location is always off."}

static const struct conf_key profile_keys[] = {PROFILE_KEYS, {0}};

const struct conf_key conf_cli_keys[] = {
    {.name = "default_profile", .kind = CONF_TEXT, .flags = CONF_NO_ENV | CONF_SPARSE, .dflt = "\"\"",
     .aliases = "default", .doc = "Profile that is used without --profile."},
    PROFILE_KEYS,
    {.name = "profile", .kind = CONF_TABLES, .flags = CONF_NO_ENV | CONF_SPARSE, .dflt = "[]", .shape = profile_keys,
     .example = "[[profile]]\nname = \"staging\"\nhost = \"https://staging.example.com\"\n",
     .doc = "Sets of the keys above, each under a name. The chosen one is laid over the top level."},
    {0},
};
