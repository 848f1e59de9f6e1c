/* base/version.h: who we say we are. */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#define KOMODO_VERSION "0.1.0"        /* of this engine */
#define KOMODO_API_VERSION "2.3.2"    /* of the API and agent protocol it speaks (spec monitoring.md 2.5) */
#define KOMODO_AUTH_VERSION "1.8.0"   /* of the login API (spec api.md 1) */
#define KOMODO_USER_AGENT "komodo/" KOMODO_API_VERSION

#endif
