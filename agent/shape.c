/* agent/shape.c: see shape.h. */
#include "agent/shape.h"

static bool fits(const struct shape_field *f, yyjson_val *v)
{
  switch (f->kind) {
  case SHAPE_TEXT:
  case SHAPE_ENUM: return yyjson_is_str(v);
  case SHAPE_NUMBER: return yyjson_is_num(v);
  case SHAPE_BOOL: return yyjson_is_bool(v);
  case SHAPE_LIST:
  case SHAPE_OBJECTS: return yyjson_is_arr(v);
  default: return yyjson_is_obj(v);
  }
}

static void write_missing(const struct shape_field *f, struct buf *out)
{
  js_key(out, f->name);
  bool null = f->missing == MISSING_NULL;
  switch (f->kind) {
  case SHAPE_ENUM: js_item_str(out, str_of(f->otherwise ? f->otherwise : "")); break;
  case SHAPE_LIST:
  case SHAPE_OBJECTS:
  case SHAPE_KEYS:
  case SHAPE_NAMED: buf_add_text(out, null ? "null" : "[]"); break;
  case SHAPE_MAP:
  case SHAPE_MAP_OBJECTS:
  case SHAPE_MAP_LISTS: buf_add_text(out, null ? "null" : "{}"); break;
  default: buf_add_text(out, "null");
  }
}

static void write_fields(const struct shape *shape, yyjson_val *object, struct buf *out);

/* An object's members: each name with its value, or as an element that carries its name. */
static void write_members(const struct shape_field *f, yyjson_val *v, struct buf *out)
{
  bool list = f->kind == SHAPE_NAMED || f->kind == SHAPE_KEYS;
  size_t i, max;
  yyjson_val *key, *value;
  js_open(out, list ? '[' : '{');
  yyjson_obj_foreach(v, i, max, key, value) {
    if (list) {
      if (f->kind == SHAPE_KEYS) {
        js_item_str(out, js_str(key));
        continue;
      }
      js_open(out, '{');
      js_put_str(out, f->otherwise, js_str(key));
      write_fields(f->of, value, out);
      buf_add_char(out, '}');
      continue;
    }
    js_item_str(out, js_str(key));
    buf_add_char(out, ':');
    if (f->kind == SHAPE_MAP_OBJECTS)
      shape_write(f->of, value, out);
    else if (f->kind == SHAPE_MAP_LISTS)
      shape_write_list(f->of, value, out);
    else
      js_item_value(out, value);
  }
  buf_add_char(out, list ? ']' : '}');
}

static void write_field(const struct shape_field *f, yyjson_val *v, struct buf *out)
{
  js_key(out, f->name);
  switch (f->kind) {
  case SHAPE_OBJECT: shape_write(f->of, v, out); break;
  case SHAPE_OBJECTS: shape_write_list(f->of, v, out); break;
  case SHAPE_MAP:
  case SHAPE_MAP_OBJECTS:
  case SHAPE_MAP_LISTS:
  case SHAPE_KEYS:
  case SHAPE_NAMED: write_members(f, v, out); break;
  default: js_item_value(out, v);
  }
}

static void write_fields(const struct shape *shape, yyjson_val *object, struct buf *out)
{
  for (size_t i = 0; i < shape->count; i++) {
    const struct shape_field *f = &shape->field[i];
    yyjson_val *v = yyjson_obj_get(object, f->from ? f->from : f->name);
    if (fits(f, v))
      write_field(f, v, out);
    else if (f->missing != MISSING_OMIT)
      write_missing(f, out);
  }
}

void shape_write(const struct shape *shape, yyjson_val *object, struct buf *out)
{
  js_open(out, '{');
  write_fields(shape, object, out);
  buf_add_char(out, '}');
}

void shape_write_list(const struct shape *shape, yyjson_val *list, struct buf *out)
{
  size_t i, max;
  yyjson_val *v;
  js_open(out, '[');
  yyjson_arr_foreach(list, i, max, v)
    shape_write(shape, v, out);
  buf_add_char(out, ']');
}
