/* agent/shape.h: objects cut to the fields engines know, by tables (spec agent.md 14).
 *
 * A shape lists the fields of one type in their order. What docker adds is dropped; what it leaves out becomes null, an
 * empty list, an empty map or a default text, as each row says. Thread: any.
 */
#ifndef AGENT_SHAPE_H
#define AGENT_SHAPE_H

#include "agent/js.h"

enum shape_kind {
  SHAPE_TEXT,        /* a string, or null */
  SHAPE_NUMBER,      /* a number, or null */
  SHAPE_BOOL,        /* a boolean, or null */
  SHAPE_ENUM,        /* a string; missing: `otherwise` */
  SHAPE_OBJECT,      /* of the type `of` */
  SHAPE_LIST,        /* of strings, numbers or lists: elements as they are */
  SHAPE_OBJECTS,     /* a list of the type `of` */
  SHAPE_MAP,         /* name -> string or number */
  SHAPE_MAP_OBJECTS, /* name -> object of the type `of` */
  SHAPE_MAP_LISTS,   /* name -> list of the type `of` */
  SHAPE_KEYS,        /* an object, of which the names count: a list of them */
  SHAPE_NAMED        /* an object name -> object of the type `of`, as a list; the name becomes its field `otherwise` */
};

/* What is written for a field that is missing or null. */
enum shape_missing {
  MISSING_USUAL,     /* null for text, number, bool and object; [] and {} for lists and maps */
  MISSING_NULL,
  MISSING_OMIT
};

struct shape_field {
  const char *name;
  enum shape_kind kind;
  const struct shape *of;
  const char *otherwise;
  enum shape_missing missing;
  const char *from;          /* docker's name for it, when it differs */
};

struct shape {
  const struct shape_field *field;
  size_t count;
};

void shape_write(const struct shape *shape, yyjson_val *object, struct buf *out);
/* The elements of a list; anything but a list gives []. */
void shape_write_list(const struct shape *shape, yyjson_val *list, struct buf *out);

/* The types of spec agent.md 14 (fields as in the published client). */
extern const struct shape shape_container, shape_image, shape_image_history, shape_network, shape_volume,
    shape_full_stats;

#endif
