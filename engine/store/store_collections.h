/* store/store_collections.h: the collections of the engine, named as in Komodo's own database (spec monitoring.md 10.3),
 * which is also what the files of a backup are called (spec cli.md 11.1). A resource's collection has the name of its type.
 *
 * Keys: the 24-hex id of the document's `_id`, but a Variable's is its name, an ApiKey's its `key`, an OnboardingKey's its
 * `public_key`, a kv entry's what komodo.kv makes of action and name, a ScriptOwner's the id of the Action or Procedure, and
 * a ScriptRun's the id of its Update.
 */
#ifndef STORE_STORE_COLLECTIONS_H
#define STORE_STORE_COLLECTIONS_H

#include "store/store.h"

#define COLLECTION_SERVER "Server"
#define COLLECTION_SWARM "Swarm"
#define COLLECTION_STACK "Stack"
#define COLLECTION_DEPLOYMENT "Deployment"
#define COLLECTION_BUILD "Build"
#define COLLECTION_REPO "Repo"
#define COLLECTION_PROCEDURE "Procedure"
#define COLLECTION_ACTION "Action"
#define COLLECTION_BUILDER "Builder"
#define COLLECTION_ALERTER "Alerter"
#define COLLECTION_RESOURCE_SYNC "ResourceSync"
#define COLLECTION_USER "User"
#define COLLECTION_USER_GROUP "UserGroup"
#define COLLECTION_PERMISSION "Permission"
#define COLLECTION_API_KEY "ApiKey"
#define COLLECTION_ONBOARDING_KEY "OnboardingKey"
#define COLLECTION_TAG "Tag"
#define COLLECTION_VARIABLE "Variable"
#define COLLECTION_GIT_PROVIDER_ACCOUNT "GitProviderAccount"
#define COLLECTION_IMAGE_REGISTRY_ACCOUNT "ImageRegistryAccount"
#define COLLECTION_UPDATE "Update"
#define COLLECTION_ALERT "Alert"
#define COLLECTION_STATS "Stats"
/* Not Komodo's: */
#define COLLECTION_SCRIPT_RECORDING "ScriptRecording"   /* not Komodo's: recorded runs of Actions */
#define COLLECTION_KV "kv"                     /* state that scripts keep */
#define COLLECTION_SCRIPT_OWNER "ScriptOwner"  /* who saved an Action or Procedure last */
#define COLLECTION_SCRIPT_RUN "ScriptRun"      /* how runs of Actions went */

extern const struct store_collection store_collections[];
extern const size_t store_collections_count;

#endif
