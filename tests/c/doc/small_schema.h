/* tests/c/doc/small_schema.h: a schema with one of everything, and the state that serves it. */
#ifndef TESTS_DOC_SMALL_SCHEMA_H
#define TESTS_DOC_SMALL_SCHEMA_H

#include <lauxlib.h>
#include <lualib.h>

#include "doc/schema.h"

static const char small_schema[] =
    "local dsl = { array_mt = require('engine.json').array_mt, null = setmetatable({}, {}) }\n"
    "package.loaded['komodo.schema.dsl'] = dsl\n"
    "local function list(t) return setmetatable(t, dsl.array_mt) end\n"
    "local types = {\n"
    "  Level = { kind = 'enum', values = { 'Low', 'High' }, input_aliases = { ['1'] = 'Low' } },\n"
    "  Id = { kind = 'alias', type = 'string' },\n"
    "  Command = { kind = 'struct', fields = {\n"
    "    { name = 'path', type = 'string', default = '' },\n"
    "    { name = 'command', type = 'string', default = '', normal = 'filetext' } } },\n"
    "  Config = { kind = 'struct', fields = {\n"
    "    { name = 'server_id', type = 'Id', default = '', aliases = { 'server' } },\n"
    "    { name = 'links', type = { 'list', 'string' }, default = list{}, normal = 'strlist' },\n"
    "    { name = 'ports', type = 'string', default = '', normal = 'kvtext:conversion' },\n"
    "    { name = 'environment', type = 'string', default = '', normal = 'kvtext:env' },\n"
    "    { name = 'signals', type = 'kvtext:signal', default = '' },\n"
    "    { name = 'pre_deploy', type = 'Command', default = {} },\n"
    "    { name = 'level', type = 'Level', default = 'High' },\n"
    "    { name = 'version', type = 'version', default = '0.0.0' },\n"
    "    { name = 'auto', type = 'bool', default = true },\n"
    "    { name = 'count', type = 'int', default = 7 },\n"
    "    { name = 'ratio', type = 'number', default = 1 },\n"
    "    { name = 'env_files', type = 'env_files', default = list{} },\n"
    "    { name = 'config_files', type = 'config_files', default = list{} },\n"
    "    { name = 'extra', type = { 'map', 'int' }, default = {} } } },\n"
    "  Small = { kind = 'struct', fields = {\n"
    "    { name = 'name', type = 'string' },\n"
    "    { name = 'note', type = 'string', optional = true },\n"
    "    { name = 'more', type = { 'optional', 'int' }, default = dsl.null },\n"
    "    { name = 'hidden', type = 'string', optional = true, skip_empty = true },\n"
    "    { name = 'at', type = 'version', default = '0.0.0', skip_empty = true } } },\n"
    "  Perms = { kind = 'struct', fields = {\n"
    "    { name = 'permission', type = 'any', default = 'None', normal = 'permission' } } },\n"
    "  Many = { kind = 'struct', fields = {\n"
    "    { name = 'registry', type = { 'list', 'Small' }, default = list{}, normal = 'one_or_list' },\n"
    "    { name = 'digests', type = { 'list', 'string' }, default = list{}, normal = 'digest' },\n"
    "    { name = 'digest', type = 'string', optional = true, normal = 'digest' },\n"
    "    { name = 'big', type = 'i64', default = 0 }, { name = 'size', type = 'uint', default = 0 },\n"
    "    { name = 'any', type = 'any', optional = true }, { name = 'object', type = 'object', default = {} } } },\n"
    "  Builder = { kind = 'union', tag = 'type', content = 'params', variants = {\n"
    "    { 'Url', { kind = 'struct', fields = { { name = 'address', type = 'string', default = '' },\n"
    "                                           { name = 'key', type = 'string', default = '' } } } },\n"
    "    { 'Aws', 'Command' }, { 'Text', 'string' }, { 'Nothing' } } },\n"
    "  Create = { kind = 'struct', fields = {\n"
    "    { name = 'name', type = 'string' }, { name = 'config', type = { 'partial', 'Config' }, default = {} },\n"
    "    { name = 'builder', type = { 'partial', 'Builder' }, optional = true, skip_empty = true } } },\n"
    "}\n"
    "return { types = types, order = {}, requests = {\n"
    "  { name = 'GetThing', group = 'read', doc = 'd', params = { { name = 'thing', type = 'string', aliases = { 'id', 'name' } } },\n"
    "    result = { 'list', 'Small' }, aliases = { 'GetOldThing' },\n"
    "    access = { resource = 'Thing', param = 'thing', level = 'Read', specific = { 'Logs', 'Inspect' } } },\n"
    "  { name = 'CreateThing', group = 'write', result = 'Small', access = { create = 'Thing' } },\n"
    "  { name = 'Sign', group = 'login', result = 'Small', access = 'none' } } }\n";

/* A state in which require("komodo.schema") runs `chunk`. */
static inline lua_State *schema_state(const char *chunk)
{
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  json_open(L);
  lua_settop(L, 0);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  if (luaL_loadstring(L, chunk) != LUA_OK)
    abort();
  lua_setfield(L, -2, "komodo.schema");
  lua_settop(L, 0);
  return L;
}

#endif
