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
