# One target that says how this project's C++ is compiled.
add_library(bpfdump_warnings INTERFACE)
target_compile_options(bpfdump_warnings INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wshadow -Wnon-virtual-dtor>
  $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<BOOL:${BPFDUMP_WERROR}>>:-Werror>)
if(BPFDUMP_SANITIZE)
  target_compile_options(bpfdump_warnings INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${BPFDUMP_SANITIZE} -fno-omit-frame-pointer
      -fno-sanitize-recover=all>)
  target_link_options(bpfdump_warnings INTERFACE -fsanitize=${BPFDUMP_SANITIZE})
endif()

# bpfdump_library(NAME sources...): a room of the house: a static library called like its folder.
function(bpfdump_library name)
  add_library(${name} STATIC ${ARGN})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE bpfdump_warnings)
endfunction()
