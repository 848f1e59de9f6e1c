# embed_folder(TARGET SYMBOL FOLDER GLOB...): a C file with every matching file of FOLDER as bytes, compiled into TARGET.
# The table is `const struct embed_file SYMBOL[]`, ended by an entry whose path is NULL (base/embed.h).
function(embed_folder target symbol folder)
  set(out ${CMAKE_CURRENT_BINARY_DIR}/embed_${symbol}.c)
  set(globs)
  foreach(glob IN LISTS ARGN)
    list(APPEND globs ${folder}/${glob})
  endforeach()
  file(GLOB_RECURSE files CONFIGURE_DEPENDS ${globs})
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  add_custom_command(OUTPUT ${out}
    COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/cmake/embed.py ${symbol} ${folder} ${out} ${files}
    DEPENDS ${files} ${CMAKE_SOURCE_DIR}/cmake/embed.py VERBATIM)
  target_sources(${target} PRIVATE ${out})
endfunction()

# embed_ui(TARGET SYMBOL): the web page, built by scripts/build-ui into build/ui (once for all presets), as a table like the
# above, compressed. What it is made from is named here, so that it is built again when that changes and not otherwise.
function(embed_ui target symbol)
  find_program(NODE NAMES node nodejs)
  find_program(NPM npm)
  if(NOT NODE OR NOT NPM)
    message(FATAL_ERROR "node and npm are missing, which build the web page: sudo scripts/install-deps build")
  endif()
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  set(out ${CMAKE_CURRENT_BINARY_DIR}/embed_${symbol}.c)
  set(ui ${CMAKE_SOURCE_DIR}/ui)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${ui}/src/*.ts ${ui}/src/*.svelte ${ui}/src/*.css ${ui}/public/* ${ui}/*.ts
       ${CMAKE_SOURCE_DIR}/stdlib/lua/komodo/schema/*.lua)
  list(FILTER sources EXCLUDE REGEX "/node_modules/|/src/generated/|\\.test\\.ts$")
  add_custom_command(OUTPUT ${out}
    COMMAND ${CMAKE_SOURCE_DIR}/scripts/build-ui
    COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/cmake/embed.py --gzip ${symbol} ${CMAKE_SOURCE_DIR}/build/ui ${out}
    DEPENDS ${sources} ${ui}/index.html ${ui}/package-lock.json ${ui}/svelte.config.js ${CMAKE_SOURCE_DIR}/scripts/build-ui
            ${CMAKE_SOURCE_DIR}/cmake/embed.py
    COMMENT "Building the web page" VERBATIM)
  target_sources(${target} PRIVATE ${out})
endfunction()
