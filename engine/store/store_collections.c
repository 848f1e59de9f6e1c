/* store/store_collections.c: see store_collections.h.
 *
 * Collections that live in memory as tables (store/table.h) have a unique index at most: nobody queries them here.
 * Updates, alerts and stats are queried, newest first; each index ends in the time so that a page is read in order.
 */
#include "store/store_collections.h"

static const char *const update_indexes[] = {
    "start_ts", "target.type,target.id,start_ts", "target.type,start_ts", "operation,start_ts", "status,start_ts", NULL};
static const char *const alert_indexes[] = {
    "ts", "resolved,ts", "target.type,target.id,ts", "target.type,ts", "data.type,ts", NULL};
static const char *const stats_indexes[] = {"sid,ts", "ts", NULL};
static const char *const kv_indexes[] = {"action", NULL};
static const char *const script_run_indexes[] = {"action,start_ts", "start_ts", NULL};

const struct store_collection store_collections[] = {
    {COLLECTION_SERVER, "name", NULL},
    {COLLECTION_SWARM, "name", NULL},
    {COLLECTION_STACK, "name", NULL},
    {COLLECTION_DEPLOYMENT, "name", NULL},
    {COLLECTION_BUILD, "name", NULL},
    {COLLECTION_REPO, "name", NULL},
    {COLLECTION_PROCEDURE, "name", NULL},
    {COLLECTION_ACTION, "name", NULL},
    {COLLECTION_BUILDER, "name", NULL},
    {COLLECTION_ALERTER, "name", NULL},
    {COLLECTION_RESOURCE_SYNC, "name", NULL},
    {COLLECTION_USER, "username", NULL},
    {COLLECTION_USER_GROUP, "name", NULL},
    {COLLECTION_PERMISSION, "user_target.type,user_target.id,resource_target.type,resource_target.id", NULL},
    {COLLECTION_API_KEY, NULL, NULL},
    {COLLECTION_ONBOARDING_KEY, NULL, NULL},
    {COLLECTION_TAG, "name", NULL},
    {COLLECTION_VARIABLE, NULL, NULL},
    {COLLECTION_GIT_PROVIDER_ACCOUNT, "domain,username", NULL},
    {COLLECTION_IMAGE_REGISTRY_ACCOUNT, "domain,username", NULL},
    {COLLECTION_KV, NULL, kv_indexes},
    {COLLECTION_SCRIPT_RECORDING, NULL, script_run_indexes},
    {COLLECTION_SCRIPT_OWNER, NULL, NULL},
    {COLLECTION_SCRIPT_RUN, NULL, script_run_indexes},
    {COLLECTION_ALERT, NULL, alert_indexes},
    {COLLECTION_UPDATE, NULL, update_indexes},
    {COLLECTION_STATS, NULL, stats_indexes},
};
const size_t store_collections_count = ARRAY_LEN(store_collections);
