# Compiler flags: warnings are errors; releases are hardened; KOMODO_SANITIZE picks a sanitizer build.
option(KOMODO_TESTS "build the unit tests" OFF)
set(KOMODO_SANITIZE "" CACHE STRING "empty, address, thread, or fuzzer (clang; tests/fuzz/run)")

set(warnings -Wall -Wextra -Werror -Wshadow -Wundef -Wformat=2 -Wwrite-strings -Wimplicit-fallthrough -Wvla
    -Wcast-qual -Wconversion -Wno-sign-conversion)
set(warnings_c -Wstrict-prototypes -Wmissing-prototypes)
add_compile_options(${warnings} "$<$<COMPILE_LANGUAGE:C>:${warnings_c}>" -fno-omit-frame-pointer)
add_compile_definitions(_GNU_SOURCE)

if(KOMODO_SANITIZE STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=address,undefined)
elseif(KOMODO_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread)
  add_link_options(-fsanitize=thread)
elseif(KOMODO_SANITIZE STREQUAL "fuzzer")
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=address,undefined)
endif()

if(CMAKE_BUILD_TYPE STREQUAL "Release")
  add_compile_options(-O2 -g1 -fstack-protector-strong -fPIE -ffunction-sections -fdata-sections
                      -fstack-clash-protection -fcf-protection)
  add_compile_definitions(_FORTIFY_SOURCE=2)
  add_link_options(-pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--gc-sections -Wl,--as-needed)
else()
  # Named fault injection and the allocation ladder exist in debug builds alone.
  add_compile_options(-Og -g)
  add_compile_definitions(KOMODO_DEBUG=1)
endif()
